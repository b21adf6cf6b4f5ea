// The table of kept results: `node bench/print-table.ts bench/results/…json …`. Without files it writes the report anew:
// the table and the plots of the newest results, as docs/performance.md shows them.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { formatTable, type NamedOutcome } from './support/format-table.ts'
import { writeReport } from './support/write-report.ts'

const files = process.argv.slice(2)
if (files.length === 0) await writeReport(join(import.meta.dirname, 'results'))
else {
  const outcomes = files.map(async (file) => JSON.parse(await readFile(file, 'utf8')) as NamedOutcome)
  process.stdout.write(`${formatTable(await Promise.all(outcomes))}\n`)
}
