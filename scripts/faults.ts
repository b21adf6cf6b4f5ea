// Runs the long fault suite and keeps what it has found in bench/faults, as JSON; prints it as a table. Arguments go to
// vitest: `npm run test:faults -- processes -t Redis`.

import { execFileSync, spawn } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import type { Result } from '../test/faults/measure.ts'

const startedAt = new Date().toISOString()
const name = `bench/faults/${startedAt.replaceAll(/[-:]|\.\d+/g, '')}`
await mkdir('bench/faults', { recursive: true })
const code = await runVitest(`${name}.part`, process.argv.slice(2))
const results = await readResults(`${name}.part`)
const commit = execFileSync('git', ['describe', '--always', '--dirty', '--exclude=*'], { encoding: 'utf8' }).trim()
const machine = { cpus: cpus().length, node: process.version }
await writeFile(`${name}.json`, `${JSON.stringify({ startedAt, commit, machine, results }, null, 2)}\n`)
await rm(`${name}.part`, { force: true })
process.stdout.write(`\n${formatTable(results)}\n${name}.json\n`)
process.exit(code ?? 1)

function runVitest(file: string, args: readonly string[]): Promise<number | null> {
  const child = spawn('vitest', ['run', '--config', 'vitest.faults.config.ts', ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, FAULTS_RESULTS: file },
  })
  return new Promise((resolve) => child.once('exit', resolve))
}

async function readResults(file: string): Promise<Result[]> {
  const text = await readFile(file, 'utf8').catch(() => '')
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Result)
}

/** One row a fault; a scenario that failed shows its error in place of numbers. */
function formatTable(results: readonly Result[]): string {
  const rows = [...Map.groupBy(results, ({ fault }) => fault)].map(([fault, runs]) => {
    const sum = (field: 'strikes' | 'archives' | 'lost' | 'torn' | 'doubled') =>
      runs.reduce((total, run) => total + (run[field] ?? 0), 0)
    const failed = runs.find((run) => !run.passed)
    if (failed) return `| ${fault} | ${runs.length} | FAILED: ${failed.error?.split('\n')[0]} | | | | |`
    const numbers = [sum('strikes'), sum('archives'), sum('lost'), sum('torn'), sum('doubled')]
    return `| ${fault} | ${runs.length} | ${numbers.join(' | ')} |`
  })
  return [
    '| fault | runs | strikes | archives | lost | torn | doubled |',
    '|---|---|---|---|---|---|---|',
    ...rows,
  ].join('\n')
}
