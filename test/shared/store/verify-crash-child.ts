// A process of its own that re-checks a store's archives and dies before the nth file operation after reading the archive,
// as by a power cut. Arguments: directory, n. Exits with 0 when it came to the end.

import { openStore } from '#shared/store/open-store.ts'
import { interfere } from './interfere.ts'
import { now } from './store-fixture.ts'

const [directory, dieAt] = process.argv.slice(2)
let hasRead = false
let count = 0

const files = interfere(async (operation) => {
  if (operation.name === 'handle.read') hasRead = true
  else if (hasRead) count += 1
  if (count < Number(dieAt)) return
  await operation.tear()
  process.kill(process.pid, 'SIGKILL')
  await new Promise(() => setInterval(() => undefined, 1000))
})
const later = new Date(now.getTime() + 3600_000)
const store = openStore({ directory: directory!, now: () => later, files })
const signal = new AbortController().signal
for await (const event of store.verifyArchives({ level: 'whole', checkedBefore: later, startedAt: later, signal })) {
  if (event.what === 'failed') throw event.error
}
