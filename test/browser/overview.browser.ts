// The overview as a person uses it, in a real Chromium over a real Redis, with a simulated CVAT server.
// BOARD_SCREENSHOTS=1 writes the pictures of the README.

import { readFileSync } from 'node:fs'
import { mkdir, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startRestorer } from '#services/restorer/service.ts'
import { isGood } from '#shared/store/record.ts'
import { runCommand } from '../cli/run-command.ts'
import { openBoard, openToAll, operator } from '../services/board/board-fixture.ts'
import { planted, plantStates } from '../services/board/overview-fixture.ts'
import { useRedis } from '../support/redis-server.ts'
import { emptyWorld } from '../support/small-world.ts'
import { openTestClient, startStack } from '../support/start-stack.ts'
import { waitFor } from '../support/wait-for.ts'
import { findChromium, useChromium, visit } from './chromium.ts'

const executable = findChromium()
const redis = useRedis()
const chromium = useChromium(executable)
const desktop = { viewport: { width: 1280, height: 800 } } as const
const phone = { viewport: { width: 375, height: 740 } } as const
const images = join(import.meta.dirname, '../../docs/images')
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

interface AxeFinding {
  readonly id: string
  readonly nodes: readonly { readonly html: string }[]
}

/** The policy of the page lets no foreign script in: it is evaluated by the browser's own tools. */
async function findViolations(page: Page): Promise<string[]> {
  await page.evaluate(axe)
  const found = (await page.evaluate('axe.run(document).then(({ violations }) => violations)')) as AxeFinding[]
  return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
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
    for (const { entity } of removed) expect(rows.some((row) => row.startsWith(String(entity)))).toBe(true)
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
    const byHand = (path: string) =>
      page.evaluate(
        async (asked) => {
          return (await fetch(asked.path, { method: 'POST', headers: { 'X-XSRF-TOKEN': asked.token } })).status
        },
        { path, token },
      )
    for (const path of [
      '/entities/project-1/backup',
      '/api/v1/entities/project-1/backup',
      '/api/v1/entities/project-1/verify',
    ]) {
      expect([path, await byHand(path)]).toEqual([path, 403])
    }
    expect(await stack.queues.runs.bull.getJobCountByTypes('completed', 'waiting', 'active')).toBe(runs)
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
  })

  test.each([
    ['desktop', 'light'],
    ['desktop', 'dark'],
    ['phone', 'light'],
    ['phone', 'dark'],
  ] as const)('axe finds nothing, and nothing is wider than the window: %s, %s', async (size, colorScheme) => {
    const connection = await redis.connect()
    const { store } = await plantStates(connection)
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
    const paths = ['/', '/entities/project-1', restore, '/runs', '/store', '/retention', simulation]
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
