// Runs the scenarios one after another, keeps what each has measured, and prints the table.
//
//   npm run bench -- [--only NAME]… [--full | --smoke] [--rounds N] [--drop-caches] [--profile FOLDER]
//                    [--results FOLDER]

import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { scenarios } from './scenarios.ts'
import { formatTable, type NamedOutcome } from './support/format-table.ts'
import { judge, type Scenario, type Size } from './support/scenario.ts'
import { writeReport } from './support/write-report.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    full: { type: 'boolean', default: false },
    smoke: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    'drop-caches': { type: 'boolean', default: false },
    profile: { type: 'string' },
    results: { type: 'string', default: join(import.meta.dirname, 'results') },
  },
})
/** At the usual sizes all of it is to end within an hour. */
const usualRounds = { smoke: 1, default: 2, full: 3 }
const size: Size = values.smoke ? 'smoke' : values.full ? 'full' : 'default'
const rounds = Number(values.rounds ?? usualRounds[size])
if (!Number.isInteger(rounds) || rounds < 1) fail(`--rounds takes a number from 1 on, not «${values.rounds}»`)
const chosen = values.only ?? scenarios.map(({ name }) => name)
for (const name of chosen) {
  if (!scenarios.some((scenario) => scenario.name === name)) {
    fail(`there is no scenario «${name}»; there are: ${scenarios.map((scenario) => scenario.name).join(', ')}`)
  }
}
if (values.profile !== undefined) process.env.BENCH_PROFILE_FOLDER = resolve(values.profile)
// Debian's nginx lies where only root looks.
process.env.PATH = `${process.env.PATH ?? ''}:/usr/sbin`
const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => stopping.abort(new Error('interrupted')))
await mkdir(values.results, { recursive: true })
const outcomes: NamedOutcome[] = []
const failures: string[] = []
for (const scenario of scenarios.filter(({ name }) => chosen.includes(name))) {
  const missing = (scenario.needs ?? []).filter((program) => !isInstalled(program))
  if (missing.length > 0) {
    process.stderr.write(
      `LEFT OUT ${scenario.name}: install ${missing.join(' and ')} (apt-get install ${missing.join(' ')})\n`,
    )
    if (size !== 'smoke') failures.push(scenario.name)
    continue
  }
  try {
    outcomes.push(await runScenario(scenario))
  } catch (error) {
    if (stopping.signal.aborted) break
    failures.push(scenario.name)
    process.stderr.write(`FAILED ${scenario.name}: ${error instanceof Error ? error.stack : error}\n`)
  }
}
process.stdout.write(`\n${formatTable(outcomes)}\n`)
await writeReport(values.results)
process.exit(failures.length > 0 || stopping.signal.aborted ? 1 : 0)

async function runScenario(scenario: Scenario): Promise<NamedOutcome> {
  const startedAt = new Date().toISOString()
  const folder = await mkdtemp(join(tmpdir(), 'cvat-backups-bench-'))
  const say = (text: string) => void process.stderr.write(`${scenario.name}: ${text}\n`)
  say(scenario.about)
  try {
    const dropsCaches = values['drop-caches']
    const outcome = await scenario.run({ size, rounds, folder, signal: stopping.signal, dropsCaches, say })
    const commit = execFileSync('git', ['describe', '--always', '--dirty', '--exclude=*'], { encoding: 'utf8' }).trim()
    const machine = {
      ...{ cpus: availableParallelism(), model: cpus()[0]?.model, memoryGb: Math.round(totalmem() / 2 ** 30) },
      ...{ node: process.version, platform: `${process.platform} ${process.arch}` },
    }
    const verdicts = outcome.rows.map((row) => ({ what: row.what, verdict: judge(row) ?? 'shown' }))
    const result = { scenario: scenario.name, startedAt, commit, machine, size, rounds, verdicts, ...outcome }
    const file = join(values.results, `${startedAt.replaceAll(/[-:]|\.\d+/g, '')}-${scenario.name}.json`)
    await writeFile(file, `${JSON.stringify(result, null, 2)}\n`)
    say(`kept in ${file}`)
    return { scenario: scenario.name, size, ...outcome }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function isInstalled(program: string): boolean {
  const folders = (process.env.PATH ?? '').split(':')
  return folders.some((folder) => existsSync(join(folder, program)))
}

function fail(text: string): never {
  process.stderr.write(`${text}\n`)
  process.exit(2)
}
