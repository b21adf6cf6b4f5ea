// Writes docs/openapi.json from the description of the board's API; with --check, tells whether it is up to date.

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describeApi } from '../services/board/api-description.ts'

const path = join(import.meta.dirname, '../docs/openapi.json')
const text = `${JSON.stringify(describeApi(), null, 2)}\n`
if (process.argv.includes('--check')) {
  if ((await readFile(path, 'utf8').catch(() => '')) !== text) {
    process.stderr.write('docs/openapi.json is out of date: run `node scripts/generate-openapi.ts`\n')
    process.exitCode = 1
  }
} else await writeFile(path, text)
