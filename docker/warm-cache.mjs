// Fills Node's compile cache (NODE_COMPILE_CACHE) while an image is built: loads every module of the services, with their
// types stripped, and runs none. A container whose root is read-only uses the cache as it is.

import { glob } from 'node:fs/promises'
import { flushCompileCache } from 'node:module'
import { resolve } from 'node:path'

// An entry would start what it is the entry of.
const entries = ['cli/main.ts', /^services\/[^/]+\/main\.ts$/]
const isEntry = (file) => entries.some((entry) => (typeof entry === 'string' ? entry === file : entry.test(file)))

for await (const file of glob(['cli/**/*.ts', 'services/**/*.ts', 'shared/**/*.ts'])) {
  if (!isEntry(file)) await import(resolve(file))
}
flushCompileCache()
