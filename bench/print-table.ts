// The table of kept results: `node bench/print-table.ts bench/results/…json …`. That of docs/performance.md is made by it.

import { readFile } from 'node:fs/promises'
import { formatTable, type NamedOutcome } from './support/format-table.ts'

const outcomes = process.argv.slice(2).map(async (file) => JSON.parse(await readFile(file, 'utf8')) as NamedOutcome)
process.stdout.write(`${formatTable(await Promise.all(outcomes))}\n`)
