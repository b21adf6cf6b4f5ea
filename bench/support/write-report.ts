// The table of the newest result of each scenario, and a plot of each, beside the results.

import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { scenarios } from '../scenarios.ts'
import { drawAims } from './draw-aims.ts'
import { drawTimeline } from './draw-timeline.ts'
import { formatTable, type NamedOutcome } from './format-table.ts'

/** `table.md` and `plots/SCENARIO.svg`. Nothing but kept results goes into them. */
export async function writeReport(folder: string): Promise<void> {
  const newest = await readNewest(folder)
  const plots = join(folder, 'plots')
  await mkdir(plots, { recursive: true })
  await writeFile(join(folder, 'table.md'), `${formatTable(newest)}\n`)
  for (const outcome of newest) {
    await writeFile(join(plots, `${outcome.scenario}.svg`), drawAims(outcome))
    const timeline = drawTimeline(outcome)
    if (timeline !== undefined) await writeFile(join(plots, `${outcome.scenario}-timeline.svg`), timeline)
  }
}

/** In the order of the scenarios. Files of another name (`…-pass-heap-80mb.json`) are experiments. */
async function readNewest(folder: string): Promise<NamedOutcome[]> {
  const files = (await readdir(folder)).sort()
  const newest: NamedOutcome[] = []
  for (const { name } of scenarios) {
    const file = files.findLast((candidate) => new RegExp(`^\\d{8}T\\d{6}Z-${name}\\.json$`).test(candidate))
    if (file !== undefined) newest.push(JSON.parse(await readFile(join(folder, file), 'utf8')) as NamedOutcome)
  }
  return newest
}
