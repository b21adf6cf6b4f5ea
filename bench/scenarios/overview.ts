// The board's overview of many projects, in a real Chromium: when it can be read, how long a filter takes, and what the
// process takes meanwhile.

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { chromium, type Page } from 'playwright-core'
import { openProtectionTable } from '#shared/protection/protection-table.ts'
import { startRedisProcess } from '../../test/support/local-redis.ts'
import { writeManyArchives } from '../../test/support/write-many-archives.ts'
import type { Row, Scenario } from '../support/scenario.ts'

const entities = { smoke: 20, default: 10_000, full: 10_000 }
const visits = { smoke: 3, default: 25, full: 300 }
const ARCHIVES_EACH = 1
/** As in docker-compose.yml; without a limit Node.js collects when it likes. */
const heap = ['--max-old-space-size=192']
const SERVER = 'http://cvat'

export const overview: Scenario = {
  name: 'overview',
  about: 'the overview page in a browser, and the memory of the board behind it',
  async run({ size, rounds, folder, signal, say }) {
    const directory = join(folder, 'backups')
    const count = entities[size]
    say(`writing ${count * ARCHIVES_EACH} archives`)
    await writeManyArchives(directory, { entities: count, archivesEach: ARCHIVES_EACH, serverUrl: SERVER })
    await using redis = await startRedisProcess()
    await noteProtection(redis.port, count)
    const settings = { entities: count, archives: count * ARCHIVES_EACH, visits: visits[size] }
    const board = await startBoardProcess(redis.port, directory, signal)
    try {
      const ready = performance.now()
      await untilRead(board.address, signal)
      const firstPassMs = performance.now() - ready
      const afterStart = await board.rssMb()
      const rows: Row[] = [
        { what: 'reading the directory for the first time', aim: '', unit: 's', values: [firstPassMs / 1000] },
      ]
      const executablePath = findChromium()
      if (executablePath !== undefined) rows.push(...(await measureInBrowser(executablePath, board.address, rounds)))
      say(`${visits[size]} visits`)
      const early = await visitOften(board, visits[size])
      const late = await visitOften(board, visits[size])
      rows.push({ what: 'memory of the board, directory read', aim: '', unit: 'MB', values: [afterStart] })
      rows.push({ what: `memory after ${visits[size]} visits`, aim: '', unit: 'MB', values: [early] })
      rows.push({ what: `memory after ${2 * visits[size]} visits`, aim: 'flat', unit: 'MB', values: [late] })
      return { settings: { ...settings, browser: executablePath !== undefined }, rows }
    } finally {
      await board.stop()
    }
  },
}

/** Nine of ten protected, the others late. */
async function noteProtection(port: number, count: number): Promise<void> {
  const client = new Redis({ host: '127.0.0.1', port })
  try {
    const table = openProtectionTable({ redis: client, prefix: '{cvat-backups}' })
    const now = Date.now()
    await table.noteSchedules([{ mode: 'p', cron: '0 2 * * *' }], 'UTC')
    for (let from = 1; from <= count; from += 100) {
      const ids = Array.from({ length: Math.min(100, count - from + 1) }, (_, index) => from + index)
      await table.noteListed(
        'p',
        now,
        ids.map((id) => ({
          series: { entity: { type: 'project', id }, content: { kind: 'backup' } },
          name: `project ${id}`,
          organization: id % 7 === 0 ? null : `team-${id % 7}`,
          link: `${SERVER}/projects/${id}`,
          found: id % 10 === 0 ? 'due' : 'protected',
          archive: { createdAtMs: Date.parse('2026-01-01T02:00:00Z'), sizeBytes: 5_000_000, level: 'fresh' },
        })),
      )
    }
    await table.endListing('p', now, new AbortController().signal)
  } finally {
    client.disconnect()
  }
}

async function startBoardProcess(port: number, directory: string, signal: AbortSignal) {
  const main = join(import.meta.dirname, '../../services/board/main.ts')
  const env = {
    PATH: process.env.PATH,
    HOME: directory,
    REDIS_URL: `redis://127.0.0.1:${port}`,
    CVAT_BACKUP_DIR: directory,
    BOARD_PORT: '0',
    LOG_FORMAT: 'json',
  }
  const child = spawn(process.execPath, [...heap, '--disable-warning=ExperimentalWarning', main], {
    env,
    cwd: directory,
    stdio: ['ignore', 'pipe', 'inherit'],
    signal,
  })
  child.on('error', () => undefined)
  const closed = once(child, 'close')
  let address: string | undefined
  for await (const line of createInterface({ input: child.stdout })) {
    address = /"address":"(http:[^"]+)"/.exec(line)?.[1]
    if (address !== undefined) break
  }
  child.stdout.resume()
  if (address === undefined) throw new Error('the board has not started')
  return {
    address,
    async rssMb(): Promise<number> {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8')
      return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024
    },
    async stop(): Promise<void> {
      child.kill('SIGTERM')
      await closed
    },
  }
}

async function untilRead(address: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    const { directory } = (await ask(`${address}/api/v1/overview`, signal).then((text) => JSON.parse(text))) as {
      directory: { readAt: string | null }
    }
    if (directory.readAt !== null) return
    await sleep(200, undefined, { signal })
  }
}

/** Over a connection of its own: one that is kept may be closed just when it is used again. */
async function ask(address: string, signal?: AbortSignal): Promise<string> {
  const answer = await fetch(address, { headers: { connection: 'close' }, ...(signal ? { signal } : {}) })
  return answer.text()
}

function findChromium(): string | undefined {
  const script = join(import.meta.dirname, '../../scripts/install-chromium.sh')
  try {
    return execFileSync('bash', [script], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return undefined
  }
}

async function measureInBrowser(executablePath: string, address: string, rounds: number): Promise<Row[]> {
  const args = process.getuid?.() === 0 ? ['--no-sandbox', '--disable-dev-shm-usage'] : []
  const browser = await chromium.launch({ executablePath, args })
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
    await page.goto(address)
    const paints: number[] = []
    const filters: number[] = []
    for (let round = 0; round < Math.max(5, rounds); round++) {
      await page.goto(`${address}/?page=${round + 1}`)
      paints.push(await readPaint(page))
      await page.goto(address)
      filters.push(await filterBy(page, `project 1${round}`))
    }
    return [
      { what: 'first contentful paint (headline, what needs you, table)', aim: '', unit: 'ms', values: paints },
      { what: 'filter: from the last key to the new table', aim: '', unit: 'ms', values: filters },
    ]
  } finally {
    await browser.close()
  }
}

/** From the start of the navigation. The page comes whole, so its first paint has everything. */
async function readPaint(page: Page): Promise<number> {
  for (;;) {
    const paintedAt = Number(
      await page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"),
    )
    if (paintedAt > 0) return paintedAt
    await sleep(20)
  }
}

/** With the 150 ms that the page waits for a further key. */
async function filterBy(page: Page, text: string): Promise<number> {
  await untilFound(page, () => page.fill('#search', text.slice(0, -1)))
  await page.press('#search', 'End')
  const startedAt = performance.now()
  await untilFound(page, () => page.locator('#search').pressSequentially(text.slice(-1)))
  return performance.now() - startedAt
}

/** Until the table says another number of what was found. */
async function untilFound(page: Page, act: () => Promise<void>): Promise<void> {
  const status = page.locator('#table [role=status]')
  const before = (await status.textContent()) ?? ''
  await act()
  await status.filter({ hasNotText: before }).waitFor()
}

/** Pages in every order, with every filter. */
async function visitOften(board: Awaited<ReturnType<typeof startBoardProcess>>, times: number): Promise<number> {
  const sorts = ['state', 'name', 'organization', 'age', 'level', 'size', 'archives', 'next']
  for (let visit = 0; visit < times; visit++) {
    const query = `sort=${sorts[visit % sorts.length]}&page=${visit}&search=${visit % 3 === 0 ? visit : ''}`
    await ask(`${board.address}/?${query}`)
  }
  return board.rssMb()
}
