// A process of its own that does one thing in a store and dies before its nth file operation, as by a power cut.
// Arguments: directory, scenario, n. Exits with 0 when it came to the end.

import { openStore } from '#shared/store/open-store.ts'
import { handleDownload } from './handle-download.ts'
import { interfere } from './interfere.ts'
import { now, prepareCommit, project6 } from './store-fixture.ts'
import { storeWorkflow } from './workflow-fixture.ts'

const [directory, scenario, dieAt] = process.argv.slice(2)
let count = 0

const files = interfere(async (operation) => {
  count += 1
  if (count < Number(dieAt)) return
  await operation.tear()
  process.kill(process.pid, 'SIGKILL')
  await new Promise(() => setInterval(() => undefined, 1000))
})
const store = openStore({ directory: directory!, now: () => now, files })

const backupId = 'run-1.project-6.backup'
const scenarios: Record<string, () => Promise<unknown>> = {
  commit: async () => store.commitArchive(await prepareCommit(store)),
  download: () => handleDownload(store),
  remove: async () => store.removeArchive((await store.findByBackupId(project6, backupId))!),
  recover: () => store.recover({ isActive: () => false, graceMs: 0 }),
  workflow: () => storeWorkflow(store, { backupId, takenAt: now.toISOString() }),
  'workflow-and-commit': async () => {
    await storeWorkflow(store, { backupId, takenAt: now.toISOString() })
    await store.commitArchive(await prepareCommit(store))
  },
  'write-run': () =>
    store.writeRunRecord({ formatVersion: 1, type: 'run', runId: 'run', startedAt: now.toISOString(), state: 'new' }),
}

await scenarios[scenario!]!()
