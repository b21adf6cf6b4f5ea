// The exporter as a process of its own.

import { cvatSettings } from '#shared/config/cvat.ts'
import { openConfiguredClient } from '#shared/service/open-configured-client.ts'
import { runService } from '#shared/service/run-service.ts'
import { exporterSettings } from './config.ts'
import { startExporter } from './service.ts'

await runService(
  'exporter',
  { cvat: cvatSettings, exporter: exporterSettings },
  ({ values, connection, logger, metrics }) =>
    startExporter({ connection, logger, metrics, cvat: openConfiguredClient(values.cvat, logger), ...values.exporter }),
)
