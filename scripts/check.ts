// Counts the checks of `.ci/run`: runs each, keeps its output, and adds the tests that vitest reports. The last line is
// `N passed, N failed` (`, N skipped`), from what really ran.

import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { relative } from 'node:path'
import { findDocker } from '../test/support/find-docker.ts'

interface Check {
  readonly name: string
  readonly command: readonly string[]
  /** A vitest report to count in place of one check. */
  readonly report?: string
  readonly env?: Readonly<Record<string, string>>
  /** After so long it is stopped with all that it started, and has failed: a check that hangs must not hide the count. */
  readonly limitMinutes?: number
  /** Why it cannot run here: it counts as skipped. */
  readonly skip?: string | undefined
}

interface Tally {
  passed: number
  failed: number
  skipped: number
}

interface CountedReport extends Tally {
  /** Each failed test with what it said, for the list at the end. */
  readonly failures: readonly string[]
}

/** What the JSON reporter of vitest writes, as far as it is read here. */
interface VitestReport {
  readonly startTime?: number
  readonly numPassedTests?: number
  readonly numFailedTests?: number
  readonly numPendingTests?: number
  readonly numTodoTests?: number
  readonly testResults?: readonly {
    readonly name: string
    readonly status: string
    readonly message?: string
    readonly assertionResults: readonly {
      readonly fullName: string
      readonly status: string
      readonly failureMessages?: readonly string[]
    }[]
  }[]
}

const vitestReport = '.cache/vitest-report.json'
const stackReport = '.cache/vitest-stack-report.json'
const browserReport = '.cache/vitest-browser-report.json'
const otherRedisReport = '.cache/vitest-report-redis.json'
/** The tests take a container where there is Docker; what depends on Redis most runs over the other kind besides. */
const hasDocker = await findDocker()
const otherRedis = hasDocker && process.env.TEST_REDIS !== 'local' ? 'local' : 'container'
const redisTests = [
  'test/shared/coordination/',
  'test/shared/queues/',
  'test/shared/redis/connect-redis',
  'test/shared/service/',
  'test/services/',
]

const checks: readonly Check[] = [
  { name: 'style and layers', command: ['biome', 'check', '.'] },
  { name: 'types', command: ['tsc', '--noEmit'] },
  { name: 'dead code', command: ['knip'] },
  { name: 'documentation in step', command: ['node', 'scripts/generate-configuration-doc.ts', '--check'] },
  { name: 'OpenAPI document in step', command: ['node', 'scripts/generate-openapi.ts', '--check'] },
  { name: 'shell scripts parse', command: ['bash', '-n', ...(await shellScripts())] },
  {
    name: 'tests',
    command: ['vitest', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${vitestReport}`],
    report: vitestReport,
    limitMinutes: 30,
  },
  {
    name: 'stack',
    command: [
      ...['vitest', 'run', '--config', 'vitest.stack.config.ts'],
      ...['--reporter=verbose', '--reporter=json', `--outputFile.json=${stackReport}`],
    ],
    report: stackReport,
    limitMinutes: 20,
  },
  {
    name: 'tests in a browser',
    command: [
      'vitest',
      'run',
      '--config=vitest.browser.config.ts',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${browserReport}`,
    ],
    report: browserReport,
  },
  {
    name: `tests over Redis, ${otherRedis === 'local' ? 'a redis-server of this machine' : 'a container'}`,
    command: [
      'vitest',
      'run',
      ...redisTests,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${otherRedisReport}`,
    ],
    report: otherRedisReport,
    env: { TEST_REDIS: otherRedis },
    skip: hasDocker ? undefined : 'no Docker daemon answers',
  },
  // That they run: how fast is nothing to fail for on a machine that others use too.
  {
    name: 'benchmarks run',
    command: ['node', 'bench/main.ts', '--smoke', '--results', '.cache/bench'],
    limitMinutes: 15,
  },
  { name: 'demo', command: ['bash', 'scripts/demo.sh'] },
  { name: 'demo, a second time', command: ['bash', 'scripts/demo.sh'] },
]

const interruptions = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
const tally: Tally = { passed: 0, failed: 0, skipped: 0 }
const failures: string[] = []
for (const check of checks) await runCheck(check)
// Once more, together: of a long output often only the end is kept.
if (failures.length > 0) process.stdout.write(`\n== What failed\n${failures.join('\n')}\n`)
const skipped = tally.skipped > 0 ? `, ${tally.skipped} skipped` : ''
process.stdout.write(`\n${tally.passed} passed, ${tally.failed} failed${skipped}\n`)
process.exit(tally.failed === 0 ? 0 : 1)

async function runCheck(check: Check): Promise<void> {
  process.stdout.write(`\n== ${check.name}\n`)
  if (check.skip !== undefined) {
    tally.skipped += 1
    process.stdout.write(`== ${check.name}: SKIPPED, ${check.skip}\n`)
    return
  }
  const startedAtMs = Date.now()
  const code = await run(check)
  const counted = check.report === undefined ? undefined : await countReport(check.report, startedAtMs)
  if (counted) {
    tally.passed += counted.passed
    tally.failed += counted.failed
    tally.skipped += counted.skipped
    failures.push(...counted.failures.map((failure) => `${check.name}: ${failure}`))
  }
  // A runner that fails without a failed test (an error outside tests) is a failure of its own.
  if (!counted || (code !== 0 && counted.failed === 0)) {
    tally[code === 0 ? 'passed' : 'failed']++
    if (code !== 0) failures.push(`${check.name}: exit code ${code}`)
  }
  const seconds = ((Date.now() - startedAtMs) / 1000).toFixed(1)
  process.stdout.write(`== ${check.name}: ${code === 0 ? 'good' : `FAILED (exit code ${code})`}, ${seconds} s\n`)
}

async function run({ command, env, limitMinutes = 10 }: Check): Promise<number | null> {
  const [program, ...args] = command
  // A process group of its own (detached), so that all of it can be stopped: at its limit, and when this is interrupted.
  const child = spawn(program!, args, {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env },
    detached: true,
  })
  const stopAll = () => child.pid !== undefined && process.kill(-child.pid, 'SIGKILL')
  const interrupt = () => {
    stopAll()
    process.exit(130)
  }
  for (const signal of interruptions) process.on(signal, interrupt)
  const limit = setTimeout(() => {
    process.stdout.write(`\nStopped after ${limitMinutes} minutes.\n`)
    stopAll()
  }, limitMinutes * 60_000)
  return new Promise<number | null>((resolve) => {
    child.once('error', (error) => {
      process.stdout.write(`${error.message}\n`)
      resolve(null)
    })
    child.once('exit', resolve)
  }).finally(() => {
    clearTimeout(limit)
    for (const signal of interruptions) process.off(signal, interrupt)
  })
}

/** Undefined when the report is missing or from an earlier run: then nothing can be counted from it. */
async function countReport(file: string, startedAtMs: number): Promise<CountedReport | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const report = JSON.parse(text) as VitestReport
  if ((report.startTime ?? 0) < startedAtMs - 1_000) return undefined
  const skipped = (report.numPendingTests ?? 0) + (report.numTodoTests ?? 0)
  return {
    passed: report.numPassedTests ?? 0,
    failed: report.numFailedTests ?? 0,
    skipped,
    failures: listFailures(report),
  }
}

/** A file that failed without a failed test (it could not be loaded, a hook threw) is named by itself. */
function listFailures({ testResults = [] }: VitestReport): string[] {
  return testResults.flatMap(({ name, status, message, assertionResults }) => {
    const file = relative(process.cwd(), name)
    const failed = assertionResults.filter((test) => test.status === 'failed')
    if (failed.length === 0) return status === 'failed' ? [`${file}\n${shorten(message)}`] : []
    return failed.map(
      ({ fullName, failureMessages }) => `${file} > ${fullName}\n${shorten(failureMessages?.join('\n'))}`,
    )
  })
}

function shorten(message = ''): string {
  return message
    .split('\n')
    .slice(0, 15)
    .map((line) => `    ${line.slice(0, 1_000)}`)
    .join('\n')
}

async function shellScripts(): Promise<string[]> {
  const { glob } = await import('node:fs/promises')
  return Array.fromAsync(glob(['scripts/*.sh', '*.sh', 'bin/*', '.ci/run']))
}
