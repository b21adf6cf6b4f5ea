// The overview as a person uses it, in a real Chromium over a real Redis, with a simulated CVAT server.
// BOARD_SCREENSHOTS=1 writes the pictures of the README.

import { mkdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { describe, expect, onTestFinished, test } from 'vitest'
import { texts } from '#services/board/texts.ts'
import { startRestorer } from '#services/restorer/service.ts'
import { openRunLedger } from '#shared/coordination/run-ledger.ts'
import type { QueueConnection } from '#shared/queues/open-queue.ts'
import type { Store } from '#shared/store/open-store.ts'
import { isGood } from '#shared/store/record.ts'
import type { RestoreState } from '#shared/store/restore-state.ts'
import { runCommand } from '../cli/run-command.ts'
import { openBoard, openToAll, operator } from '../services/board/board-fixture.ts'
import { planted, plantStates } from '../services/board/overview-fixture.ts'
import { requestIdOf } from '../services/exporter/exporter-fixture.ts'
import { useRedis } from '../support/redis-server.ts'
import { emptyWorld } from '../support/small-world.ts'
import { openAllQueues, openTestClient, startStack } from '../support/start-stack.ts'
import { waitFor } from '../support/wait-for.ts'
import { findChromium, findViolations, useChromium, visit } from './chromium.ts'

const executable = findChromium()
const redis = useRedis()
const chromium = useChromium(executable)
const desktop = { viewport: { width: 1280, height: 800 } } as const
const phone = { viewport: { width: 375, height: 740 } } as const
const images = join(import.meta.dirname, '../../docs/images')

/** Runs that go on and that have ended badly, restores in all their states, jobs, and two archives to compare. */
async function plantWork(connection: QueueConnection, store: Store): Promise<string[]> {
  const ledger = openRunLedger(connection)
  const series = { entity: { type: 'project', id: 3 }, content: { kind: 'backup' } } as const
  const runs = ['20261126T000000Z-p-000001', '20261126T000000Z-p-000002']
  for (const runId of runs) {
    await ledger.open({ runId, jobId: runId, mode: 'p', full: false, trigger: 'schedule' })
    for (const id of [1, 3]) {
      const key = `project-${id}.backup`
      const backupId = `${runId}.${key}`
      await ledger.plan(runId, { series: key, name: `p${id}`, action: 'backup', reason: '', backupId })
    }
    const base = { backupId: `${runId}.project-3.backup`, runId, series, name: 'Crop rows', sizeBytes: 0 } as const
    const failure = { result: 'failed', code: 'export-failed', reason: 'no space', hint: 'Make room' } as const
    await ledger.settle('project-3.backup', { ...base, ...failure })
    await ledger.addNote(runId, { series: 'project-1.backup', name: 'p1', text: 'a job without frames' })
  }
  await ledger.endListing(runs[1]!, 'the list broke off')
  await ledger.end(runs[1]!, 'ended')
  const queues = openAllQueues(connection)
  onTestFinished(async () => {
    await Promise.all(Object.values(queues).map((queue) => queue.close()))
  })
  const job = await queues.exports.bull.add('Crop rows', { series }, { jobId: `${runs[0]}.project-3.backup` })
  await job.log('2026-11-26T00:00:00Z INFO export asked for')
  const restoreId = 'restore-1'
  const base = {
    formatVersion: 1,
    type: 'restore',
    restoreId,
    targetUrl: 'https://new.example.com',
    mark: 'm',
  } as const
  const archive = { fileName: 'a.zip', sha256: 'a'.repeat(64) }
  const differences = [{ where: 'task_2', what: '3 shapes are missing' }]
  const states: Partial<RestoreState>[] = [
    { state: 'uploading' },
    { state: 'done', resultId: 7, differences },
    { state: 'importing', failure: { code: 'import-failed', reason: 'no', hint: 'See its log' } },
  ]
  for (const [index, more] of states.entries()) {
    const entity = { type: 'project', id: index + 1 } as const
    const startedAt = '2026-11-26T00:00:00Z'
    await store.writeRestoreState({ ...base, entity, archive, state: 'uploading', startedAt, ...more })
  }
  await announceForTest(connection, 'https://new.example.com')
  const [after, before] = (await store.listRecords({ type: 'project', id: 1 })).archives
  const [one, other] = [before, after].map((found) => encodeURIComponent(found!.record.archive.fileName))
  return [
    ...runs.map((runId) => `/runs/${runId}`),
    ...[1, 2, 3, 4].map((id) => `/restores/${restoreId}/project-${id}`),
    `/entities/project-1/diff?before=${one}&after=${other}`,
  ]
}

/** As a restorer does that lives longer than the test. */
async function announceForTest({ redis: client, prefix }: QueueConnection, url: string) {
  await client.zadd(`${prefix}:restorers`, Date.now() + 3600_000, url)
}

async function takePicture(page: Page, name: string) {
  if (process.env.BOARD_SCREENSHOTS !== '1') return
  await mkdir(images, { recursive: true })
  const path = join(images, `${name}.png`)
  await page.screenshot({ path, animations: 'disabled' })
  expect((await stat(path)).size).toBeLessThan(200_000)
}

async function logIn(page: Page, { username, password }: { username: string; password: string } = operator) {
  await page.getByLabel('User name').fill(username)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Log in' }).click()
}

function annotationTeam() {
  const world = emptyWorld()
  for (const name of ['Street scenes', 'Warehouse forklifts']) {
    const { id } = world.addProject({ name })
    world.addTask({ projectId: id, name: `${name}, batch 1`, frames: 3, bytesPerFrame: 500 })
  }
  return world
}

/** All services, the board on the same directory, and somebody logged in. */
async function openTeam(role: 'operator' | 'viewer' = 'operator') {
  const stack = await startStack(redis, { world: annotationTeam() })
  await stack.backUp()
  const guest = { username: 'guest', password: 'guest password' }
  const board = await openBoard(stack.connection, {
    store: stack.store,
    viewerUsername: guest.username,
    viewerPassword: guest.password,
  })
  const opened = await chromium.open(board.address, desktop)
  await visit(opened.page, '/')
  await logIn(opened.page, role === 'viewer' ? guest : operator)
  await opened.page.getByRole('heading', { level: 1 }).waitFor()
  return { stack, board, ...opened }
}

describe.skipIf(executable === undefined)('the overview in a browser', () => {
  test('planted late, failed, stale and never backed up projects are found, by eye and by filter', async () => {
    const connection = await redis.connect()
    const { store } = await plantStates(connection)
    const board = await openBoard(connection, { ...openToAll, store })
    const { page, blocked, foreign } = await chromium.open(board.address, desktop)
    await waitFor('the directory to be read', async () => {
      await visit(page, '/')
      return (await page.getByRole('row').count()) === planted.length + 1
    })
    await page.getByRole('heading', { name: '1 of 6 protected' }).waitFor()
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toContain('5 need you')
    const attention = page.getByRole('region', { name: 'Needs you' })
    for (const { name, state } of planted) {
      const isThere = (await attention.getByRole('link', { name, exact: true }).count()) > 0
      expect([name, isThere]).toEqual([name, ['late', 'failed', 'never', 'stale', 'incomplete'].includes(state)])
    }
    for (const { name, state } of planted) {
      const row = page.getByRole('row').filter({ has: page.getByRole('link', { name, exact: true }) })
      await row.getByText(texts.states[state as keyof typeof texts.states], { exact: true }).waitFor()
    }
    await page.getByLabel('State').selectOption('never')
    await page.getByText('1 project or task found').waitFor()
    await page
      .getByRole('row', { name: /Shelf products <b>/ })
      .getByText('never backed up')
      .waitFor()
    await page.getByLabel('State').selectOption('')
    await page.getByText('9 projects and tasks found').waitFor()
    await page.getByLabel('Search').pressSequentially('fork')
    await page.getByText('1 project or task found').waitFor()
    expect(new URL(page.url()).searchParams.get('search')).toBe('fork')
    expect([blocked, foreign]).toEqual([[], []])
  })

  test('without scripts the same form searches and sorts', async () => {
    const connection = await redis.connect()
    const { store } = await plantStates(connection)
    const board = await openBoard(connection, { ...openToAll, store })
    const { page } = await chromium.open(board.address, { ...phone, javaScriptEnabled: false })
    await visit(page, '/')
    await page.getByLabel('Search').fill('rows')
    await page.getByRole('button', { name: 'Apply' }).click()
    await page.getByText('1 project or task found').waitFor()
    await visit(page, '/?sort=name')
    const names = await page.locator('tbody th a:first-child').allTextContents()
    expect(names.slice(0, 2)).toEqual(['Crop rows', 'Elsewhere'])
  })

  test('«back up now» is followed to its end, and a new verified archive is there', async () => {
    const { stack, page, blocked } = await openTeam()
    const before = await stack.archives()
    await page.getByRole('link', { name: 'Street scenes', exact: true }).click()
    await page.getByRole('button', { name: 'Back up now' }).click()
    await page.waitForURL('**/runs/*')
    await page.locator('#run .state.good', { hasText: 'well' }).waitFor({ timeout: 120_000 })
    await page.getByText('1 of 1 dealt with').waitFor()
    const fresh = (await stack.archives()).filter(
      ({ archivePath }) => !before.some((old) => old.archivePath === archivePath),
    )
    expect(fresh.map(({ entity, record }) => [entity.id, isGood(record)])).toEqual([[1, true]])
    await visit(page, '/entities/project-1')
    expect(await page.locator('.archives > li').count()).toBe(2)
    const jobs = page.getByRole('list', { name: 'Jobs' }).getByRole('listitem')
    for (const queue of ['exports', 'downloads']) {
      const job = jobs.filter({ has: page.getByRole('link', { name: `Open the job in ${queue}` }) }).first()
      await job.getByText('done', { exact: true }).waitFor()
      await job.getByText(/log lines?$/).click()
      expect(await job.locator('pre').textContent()).toMatch(/INFO/)
    }
    await page.getByRole('button', { name: 'Compare' }).click()
    await page.getByText('No difference in content.').waitFor()
    await visit(page, '/entities/project-1')
    await page.getByRole('button', { name: 'Verify all archives' }).click()
    await page.getByText('A job reads all archives of it again').waitFor()
    await waitFor('the verification to end', async () => {
      return (await stack.queues.verifications.bull.getCompletedCount()) === 1
    })
    const download = page.waitForEvent('download')
    await page.getByRole('link', { name: 'Download' }).first().click()
    expect(await (await download).failure()).toBeNull()
    expect(blocked).toEqual([])
  }, 300_000)

  test('a failure is shown with its reason and retried from the page of its run', async () => {
    const { stack, page } = await openTeam()
    const fate = { kind: 'fail', message: 'OSError: [Errno 28] No space left on device' } as const
    const fault = stack.simulator.faults.addExport({ entity: { type: 'project', id: 2 }, fate })
    await visit(page, '/entities/project-2')
    await page.getByRole('button', { name: 'Back up now' }).click()
    await page.getByText('No space left on device').first().waitFor({ timeout: 180_000 })
    fault.remove()
    await page.getByRole('button', { name: 'Retry', exact: true }).click()
    await page.getByText('1 backup is tried again.').waitFor()
    await waitFor('the retry to be counted', async () => {
      await page.reload()
      return (await page.locator('#run .state.good').count()) === 1
    })
  }, 300_000)

  test('a restore to the source server is asked for twice, and brings the project back', async () => {
    const { stack, page } = await openTeam()
    const client = openTestClient(stack.simulator.url, stack.logs)
    const restorer = await startRestorer({
      connection: stack.connection,
      store: stack.store,
      logger: stack.logs.logger,
      target: { url: stack.simulator.url, cvat: client },
      parallelRestores: 1,
      chunkBytes: 1_000_000,
      importTimeoutMs: 60_000,
      drillSample: 0,
      serverUrl: stack.simulator.url,
    })
    onTestFinished(async () => {
      await restorer.close()
      await client.close()
    })
    await visit(page, '/entities/project-1')
    await page.getByRole('link', { name: 'Restore…' }).click()
    await page.getByLabel('Target', { exact: true }).selectOption(stack.simulator.url)
    await page.getByLabel('Name on the target').fill('Street scenes again')
    await page.getByRole('button', { name: 'Restore', exact: true }).click()
    await page.getByRole('alert').filter({ hasText: 'the very server that the archive is of' }).waitFor()
    expect([...stack.world.projects.values()]).toHaveLength(2)
    await page.getByRole('button', { name: 'Yes, restore to this server' }).click()
    await page.getByText('is restored').waitFor({ timeout: 180_000 })
    await page.getByText('Nothing differs from the archive.').waitFor()
    const names = [...stack.world.projects.values()].map(({ name }) => name)
    expect(names).toContain('Street scenes again')
  }, 300_000)

  test('the retention simulator gives what `sweep --dry-run` gives', async () => {
    const connection = await redis.connect()
    const { store, directory } = await plantStates(connection)
    const board = await openBoard(connection, { ...openToAll, store })
    const { page } = await chromium.open(board.address, desktop)
    await visit(page, '/retention')
    await page.getByLabel('Hours that each is kept at least').fill('1')
    await page.getByLabel('Newest that stay whatever their age').fill('1')
    await page.getByRole('button', { name: 'Simulate' }).click()
    await page.getByRole('heading', { level: 2 }).waitFor()
    await writeFile(join(directory, '.env'), 'CVAT_BACKUP_TTL=1\nCVAT_MIN_NUM_BACKUPS=1\nTZ=UTC\n')
    const { stdout } = await runCommand(directory, 'sweep', '--dry-run', '--json')
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    const totals = lines.find(({ type }) => type === 'totals')!
    const told = await page.locator('h2').textContent()
    expect(told).toContain(`${totals.removed} archive`)
    expect(totals.removed).toBeGreaterThan(0)
    const rows = await page.locator('tbody tr').allInnerTexts()
    const removed = lines.filter(({ type, action }) => type === 'decision' && action === 'remove')
    expect(rows).toHaveLength(removed.length)
    const stamps = await page
      .locator('tbody time')
      .evaluateAll((times) => times.map((time) => time.getAttribute('datetime')))
    const shown = rows.map((row, index) => [row.split('\t')[0], stamps[index], row.split('\t').at(-1)])
    const wanted = removed.map(({ entity, createdAt, reasons }) => {
      return [entity, new Date(String(createdAt)).toISOString(), (reasons as string[]).join(', ')]
    })
    expect(shown.sort()).toEqual(wanted.sort())
  })

  test('a viewer sees everything and can press nothing, also not by hand', async () => {
    const { page, stack } = await openTeam('viewer')
    await page.getByText('You look only').waitFor()
    await visit(page, '/entities/project-1')
    await page.getByRole('heading', { name: 'Street scenes' }).waitFor()
    expect(await page.getByRole('button').count()).toBe(0)
    expect(await page.getByRole('link', { name: /Download|Restore/ }).count()).toBe(0)
    const runs = await stack.queues.runs.bull.getJobCountByTypes('completed', 'waiting', 'active')
    const token = String(await page.evaluate("/XSRF-TOKEN=([^;]+)/.exec(document.cookie)?.[1] ?? ''"))
    const byHand = (path: string, method = 'POST') =>
      page.evaluate(
        async (asked) => {
          const headers = { 'X-XSRF-TOKEN': asked.token }
          return (await fetch(asked.path, { method: asked.method, headers })).status
        },
        { path, token, method },
      )
    for (const path of [
      '/entities/project-1/backup',
      '/api/v1/entities/project-1/backup',
      '/entities/project-1/verify',
      '/entities/project-1/restore',
      '/api/v1/entities/project-1/verify',
      '/api/v1/entities/project-1/restore',
      '/api/v1/runs/run-1/retry',
    ]) {
      expect([path, await byHand(path)]).toEqual([path, 403])
    }
    expect(await byHand('/queues/api/queues/exports/pause', 'PUT')).toBe(403)
    const [archive] = (await stack.store.listRecords({ type: 'project', id: 1 })).archives
    const file = encodeURIComponent(archive!.record.archive.fileName)
    for (const path of [`/entities/project-1/archives/${file}`, `/entities/project-1/restore?archive=${file}`]) {
      expect([path, await byHand(path, 'GET')]).toEqual([path, 403])
    }
    expect(await stack.queues.runs.bull.getJobCountByTypes('completed', 'waiting', 'active')).toBe(runs)
    expect(await stack.queues.exports.bull.isPaused()).toBe(false)
  })

  test('times are in the zone of the viewer, with the exact UTC on hover', async () => {
    const connection = await redis.connect()
    const { store } = await plantStates(connection)
    const board = await openBoard(connection, { ...openToAll, store })
    const { page } = await chromium.open(board.address, { ...desktop, timezoneId: 'Asia/Kolkata' })
    await visit(page, '/entities/project-1')
    const time = page.locator('.archives time').first()
    const utc = new Date((await time.getAttribute('datetime'))!)
    const options = { dateStyle: 'medium', timeStyle: 'short', timeZone: 'Asia/Kolkata' } as const
    expect(await time.textContent()).toBe(new Intl.DateTimeFormat('en-US', options).format(utc))
    expect(await time.getAttribute('title')).toBe(`${utc.toISOString().slice(0, 19).replace('T', ' ')} UTC`)
    // Within a sentence, and in a choice, which holds nothing but text.
    const why = page.locator('dd', { hasText: 'found protected at' }).locator('time')
    const found = new Date((await why.getAttribute('datetime'))!)
    expect(await why.textContent()).toBe(new Intl.DateTimeFormat('en-US', options).format(found))
    const exact = new Intl.DateTimeFormat('en-US', { ...options, timeStyle: 'medium' })
    const choice = page.getByLabel('Later').locator('option').first()
    expect(await choice.textContent()).toBe(exact.format(utc))
    expect(await choice.getAttribute('title')).toContain('UTC')
  })

  test('a run is followed live, also by a page whose board was away meanwhile', async () => {
    const world = annotationTeam()
    const stack = await startStack(redis, { world })
    const entity = { type: 'project', id: 2 } as const
    stack.simulator.faults.addExport({ entity, fate: { kind: 'hold' } })
    const first = await openBoard(stack.connection, { ...openToAll, store: stack.store })
    const { port } = new URL(first.address)
    const { page } = await chromium.open(first.address, desktop)
    const runId = await stack.request()
    await visit(page, `/runs/${runId}`)
    await page.evaluate('window.isTheSamePage = true')
    await page.getByText('1 of 2 dealt with').waitFor({ timeout: 60_000 })
    await page.locator('#run li', { hasText: 'Warehouse forklifts' }).waitFor()
    await first.close()
    await openBoard(stack.connection, { ...openToAll, store: stack.store, port: Number(port) })
    stack.simulator.exports.finish(requestIdOf(entity))
    await page.locator('#run .state.good', { hasText: 'well' }).waitFor({ timeout: 120_000 })
    await page.getByText('2 of 2 dealt with').waitFor()
    expect(await page.evaluate('window.isTheSamePage')).toBe(true)
    // What is over is asked for no more.
    expect(await page.locator('#run[hx-trigger], [data-follow]').count()).toBe(0)
  }, 240_000)

  test('by keyboard alone a project is found, opened and backed up', async () => {
    const { stack, page } = await openTeam()
    await page.keyboard.press('Tab')
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the content')
    await page.keyboard.press('Enter')
    const isFocused = (text: string) =>
      page.evaluate(`document.activeElement?.textContent?.trim() === ${JSON.stringify(text)}`)
    await page.getByLabel('Search').focus()
    await page.keyboard.type('scenes')
    await page.getByText('1 project or task found').waitFor()
    expect(await page.evaluate('document.activeElement.id')).toBe('search')
    const tabUntil = async (text: string) => {
      for (let presses = 0; presses < 60; presses++) {
        if (await isFocused(text)) return
        await page.keyboard.press('Tab')
      }
      throw new Error(`«${text}» is not reached by Tab`)
    }
    await tabUntil('Street scenes')
    await page.keyboard.press('Enter')
    await page.waitForURL('**/entities/project-1')
    await tabUntil('Back up now')
    await page.keyboard.press('Enter')
    await page.waitForURL('**/runs/*')
    await page.locator('#run .state.good', { hasText: 'well' }).waitFor({ timeout: 120_000 })
    expect((await stack.store.listRecords({ type: 'project', id: 1 })).archives).toHaveLength(2)
  }, 240_000)

  test.each([
    ['desktop', 'light'],
    ['desktop', 'dark'],
    ['phone', 'light'],
    ['phone', 'dark'],
  ] as const)('axe finds nothing, and nothing is wider than the window: %s, %s', async (size, colorScheme) => {
    const connection = await redis.connect()
    const { store } = await plantStates(connection)
    const work = await plantWork(connection, store)
    const board = await openBoard(connection, { ...openToAll, store })
    const shape = size === 'phone' ? phone : desktop
    const { page, blocked } = await chromium.open(board.address, { ...shape, colorScheme })
    await waitFor('the directory to be read', async () => {
      await visit(page, '/')
      return (await page.getByRole('row').count()) >= planted.length
    })
    await takePicture(page, `overview-${size}-${colorScheme}`)
    const [archive] = (await store.listRecords({ type: 'project', id: 1 })).archives
    const restore = `/entities/project-1/restore?archive=${encodeURIComponent(archive!.record.archive.fileName)}`
    const simulation = '/retention?simulate=1&ttl=1&min=1'
    const found: Record<string, unknown> = {}
    const paths = [
      '/',
      '/entities/project-1',
      '/entities/project-3',
      restore,
      '/runs',
      '/store',
      '/retention',
      simulation,
    ]
    paths.push(...work, '/nothing')
    for (const path of paths) {
      await visit(page, path)
      const wide = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
      found[path] = { violations: await findViolations(page), wide }
    }
    expect(found).toEqual(Object.fromEntries(paths.map((path) => [path, { violations: [], wide: 0 }])))
    if (size === 'desktop' && colorScheme === 'light') {
      await visit(page, '/entities/project-1')
      await takePicture(page, 'overview-entity')
    }
    expect(blocked).toEqual([])
  })
})
