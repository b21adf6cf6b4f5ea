// The downloader as a process of its own.

import { cvatSettings } from '#shared/config/cvat.ts'
import { incrementalSettings } from '#shared/config/incremental.ts'
import { storeSettings } from '#shared/config/store.ts'
import { openConfiguredClient } from '#shared/service/open-configured-client.ts'
import { runService } from '#shared/service/run-service.ts'
import { openStore } from '#shared/store/open-store.ts'
import { downloaderSettings } from './config.ts'
import { startDownloader } from './service.ts'

await runService(
  'downloader',
  { cvat: cvatSettings, store: storeSettings, downloader: downloaderSettings, incremental: incrementalSettings },
  ({ values, connection, logger, metrics }) => {
    const { stallTimeoutMs, ...downloader } = values.downloader
    return startDownloader({
      connection,
      logger,
      metrics,
      cvat: openConfiguredClient(values.cvat, logger, { bodyMs: stallTimeoutMs }),
      store: openStore({ directory: values.store.backupDir }),
      ...downloader,
      driftMs: values.incremental.driftMs,
      mediaOnce: values.incremental.mediaOnce,
      serverUrl: values.cvat.url,
    })
  },
)
