// A process of its own that fetches one file and waits to be killed.
// Arguments: backup directory, CVAT's address, result address, when the export was asked for.

import { fetchFile } from '#services/downloader/fetch-file.ts'
import { openStore } from '#shared/store/open-store.ts'
import { backupId, boundlessRoom, openClient } from './fetch-fixture.ts'

const [directory, url, resultUrl, askedAt] = process.argv.slice(2)
await fetchFile(
  { backupId, resultUrl: resultUrl!, askedAt: askedAt! },
  {
    cvat: openClient(url!, 60_000),
    store: openStore({ directory: directory! }),
    room: boundlessRoom,
    onProgress: () => undefined,
  },
  new AbortController().signal,
)
