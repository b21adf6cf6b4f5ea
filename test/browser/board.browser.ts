// The board as a person uses it, in a real Chromium over a real Redis, with a simulated CVAT server.
// BOARD_SCREENSHOTS=1 writes the pictures of the README.

import { mkdir, readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Page } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import { isGood } from '#shared/store/record.ts'
import { openBoard, openToAll, operator } from '../services/board/board-fixture.ts'
import { useRedis } from '../support/redis-server.ts'
import { emptyWorld, login } from '../support/small-world.ts'
import { startStack } from '../support/start-stack.ts'
import { waitFor } from '../support/wait-for.ts'
import { findChromium, findViolations, useChromium, visit } from './chromium.ts'

const executable = findChromium()
const redis = useRedis()
const chromium = useChromium(executable)
const desktop = { viewport: { width: 1280, height: 800 } }
const images = join(import.meta.dirname, '../../docs/images')

function annotationTeam() {
  const world = emptyWorld()
  world.addOrganization({ slug: 'robotics', name: 'Robotics', owner: login.username })
  for (const [name, organization] of [
    ['Street scenes', 'robotics'],
    ['Warehouse forklifts', 'robotics'],
    ['Crop rows from drones', null],
    ['Shelf products', null],
  ] as const) {
    const { id } = world.addProject({ name, organization })
    world.addTask({ projectId: id, name: `${name}, batch 1`, frames: 3, bytesPerFrame: 500, organization })
  }
  return world
}

async function logIn(page: Page, password: string = operator.password) {
  await page.getByLabel('User name').fill(operator.username)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Log in' }).click()
}

/** What the page itself would send, with or without the token. */
function sendFrom(page: Page, path: string, headers: Record<string, string> = {}): Promise<number> {
  return page.evaluate(async (asked) => (await fetch(asked.path, { method: 'PUT', headers: asked.headers })).status, {
    path,
    headers,
  })
}

/** As Bull Board's own script does. */
function readToken(page: Page): Promise<string> {
  return page.evaluate("/XSRF-TOKEN=([^;]+)/.exec(document.cookie)?.[1] ?? ''")
}

/** All texts that come into the page from now on. */
const keepWhatIsSaid = `
  window.said = ''
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) for (const node of addedNodes) window.said += node.textContent + '\\n'
  }).observe(document.body, { childList: true, subtree: true, characterData: true })`

async function takePicture(page: Page, name: string) {
  if (process.env.BOARD_SCREENSHOTS !== '1') return
  await mkdir(images, { recursive: true })
  const path = join(images, `${name}.png`)
  await page.screenshot({ path, animations: 'disabled' })
  expect((await stat(path)).size).toBeLessThan(150_000)
}

describe.skipIf(executable === undefined)('in a browser', () => {
  test('a failed export is found, understood and retried, and ends with a verified archive', async () => {
    const stack = await startStack(redis, { world: annotationTeam() })
    const entity = { type: 'project', id: 1 } as const
    const fate = { kind: 'fail', message: 'OSError: [Errno 28] No space left on device' } as const
    const fault = stack.simulator.faults.addExport({ entity, fate })
    const runId = await stack.request()
    // Its three tries are seconds apart.
    expect(await stack.ended(runId, 90_000)).toMatchObject({ done: 3, failed: 1 })
    expect(await stack.archives()).toHaveLength(3)

    const board = await openBoard(stack.connection)
    const { page, foreign, blocked } = await chromium.open(board.address, desktop)
    await visit(page, '/')
    expect(new URL(page.url()).pathname).toBe('/login')
    await takePicture(page, 'board-login')
    await logIn(page)
    await page.getByRole('link', { name: 'Queues' }).click()
    await page.waitForURL('**/queues')
    for (const name of ['runs', 'exports', 'downloads', 'workflows', 'sweeps', 'verifications', 'outcomes']) {
      await page.getByRole('link', { name, exact: true }).first().waitFor()
    }
    await page.getByText('Failed').first().waitFor()
    await takePicture(page, 'board-queues')

    await page.getByRole('link', { name: 'exports', exact: true }).first().click()
    await page.getByRole('link', { name: /^failed/i }).click()
    await page.getByText('Street scenes (project 1)').waitFor()
    await page.getByText("CVAT's export failed: OSError: [Errno 28] No space left on device").first().waitFor()
    const link = page.getByRole('link', { name: 'Open in CVAT' })
    expect(await link.getAttribute('href')).toBe(`${stack.simulator.url}/projects/1`)
    await page.getByRole('tab', { name: 'Data' }).click()
    await page.getByText('robotics').first().waitFor()
    await page.getByRole('tab', { name: 'Logs' }).click()
    await page.getByText('export asked for').first().waitFor()
    await page.getByText('failed, will be tried again').first().waitFor()
    await takePicture(page, 'board-failed-export')

    fault.remove()
    const retry = page.locator('ul[class*=jobActions] button').first()
    await retry.hover()
    await page.getByText('Retry', { exact: true }).first().waitFor()
    await retry.click()
    await page.getByRole('alertdialog').or(page.getByRole('dialog')).getByRole('button', { name: 'Confirm' }).click()
    const account = await waitFor('the account to be corrected', async () => {
      const now = await stack.ledger.read(runId)
      return now?.failed === 0 && now.done === 4 && now
    })
    expect(account).toMatchObject({ state: 'ended' })
    await visit(page, '/queues/queue/exports?status=completed')
    await page.getByText('Street scenes (project 1)').waitFor()

    const archives = await stack.archives()
    expect(archives).toHaveLength(4)
    const archive = archives.find((found) => found.entity.type === 'project' && found.entity.id === 1)!
    expect(isGood(archive.record)).toBe(true)
    expect(await readdir(dirname(archive.archivePath))).toContain(archive.record.archive.fileName)

    // Everything came from the board itself, and its policy stood in the way of nothing.
    expect(foreign).toEqual([])
    expect(blocked).toEqual([])
  })

  test('a wrong password is refused, and after some no more are looked at', async () => {
    const board = await openBoard(await redis.connect(), { limits: { wrongLogins: 2 } })
    const { page } = await chromium.open(board.address)
    await visit(page, '/queues')
    for (const problem of ['The user name or the password is wrong.', 'is wrong.', 'Too many wrong logins']) {
      await logIn(page, 'wrong horse battery')
      await page.getByRole('alert').filter({ hasText: problem }).waitFor()
    }
    expect(await findViolations(page)).toEqual([])
    await logIn(page)
    await page.getByRole('alert').filter({ hasText: 'Too many wrong logins' }).waitFor()
    expect(await page.evaluate(async () => (await fetch('/queues/api/queues')).status)).toBe(401)
  })

  test('an action without its token is refused, the same with it is done', async () => {
    const board = await openBoard(await redis.connect())
    const { page } = await chromium.open(board.address)
    await visit(page, '/queues')
    await logIn(page)
    await page.waitForURL('**/queues')
    const path = '/queues/api/queues/exports/pause'
    expect(await sendFrom(page, path)).toBe(403)
    const token = await readToken(page)
    expect(await sendFrom(page, path, { 'X-XSRF-TOKEN': token })).toBe(200)
  })

  test('a page of another site cannot act through the browser of somebody who is logged in', async () => {
    const connection = await redis.connect()
    const board = await openBoard(connection)
    const other = await openBoard(await redis.connect(), { ...openToAll, host: 'localhost' })
    const { page } = await chromium.open(board.address)
    await visit(page, '/queues')
    await logIn(page)
    await page.waitForURL('**/queues')
    // Another name is another site; the browser sends the request there and back with what cookies it allows.
    await visit(page, other.address.replace('127.0.0.1', 'localhost'))
    const send = (target: string) =>
      fetch(target, { method: 'POST', mode: 'no-cors', credentials: 'include', body: '_csrf=x' }).catch(() => undefined)
    await page.evaluate(send, `${board.address}/logout`)
    await visit(page, `${board.address}/queues`)
    expect(new URL(page.url()).pathname).toBe('/queues')
  })

  test('logging out ends the session, and an open page is told so', async () => {
    const board = await openBoard(await redis.connect())
    const { page } = await chromium.open(board.address)
    await visit(page, '/queues')
    await logIn(page)
    await page.waitForURL('**/queues')
    // Bull Board says it for some seconds and asks every few: what was ever said is kept.
    await page.evaluate(keepWhatIsSaid)
    const second = await page.context().newPage()
    await visit(second, '/logout')
    expect(await findViolations(second)).toEqual([])
    await second.getByRole('button', { name: 'Log out' }).click()
    await second.getByLabel('User name').waitFor()
    await waitFor('the open page to say so', async () => {
      return String(await page.evaluate('window.said')).includes('Nobody is logged in, or the session has ended')
    })
    expect(await page.evaluate(async () => (await fetch('/queues/api/queues')).status)).toBe(401)
    await visit(page, '/queues')
    expect(new URL(page.url()).pathname).toBe('/login')
  })

  test('a read-only board offers no action, and refuses one that the page sends by itself', async () => {
    const stack = await startStack(redis, { world: annotationTeam(), services: [] })
    await stack.request()
    const board = await openBoard(stack.connection, { readOnly: true })
    const { page } = await chromium.open(board.address)
    await visit(page, '/queues')
    await logIn(page)
    await page.waitForURL('**/queues')
    await visit(page, '/queues/queue/runs')
    await page.getByText('test run').first().waitFor()
    expect(await page.locator('ul[class*=jobActions] button').count()).toBe(0)
    const token = await readToken(page)
    expect(await sendFrom(page, '/queues/api/queues/runs/pause', { 'X-XSRF-TOKEN': token })).toBe(403)
    expect(await stack.queues.runs.bull.isPaused()).toBe(false)
  })

  test('the login works without scripts, in the dark, at phone width and by keyboard', async () => {
    const board = await openBoard(await redis.connect())
    const phone = { viewport: { width: 360, height: 640 }, colorScheme: 'dark', javaScriptEnabled: false } as const
    const { page, blocked } = await chromium.open(board.address, phone)
    await visit(page, '/login?next=/queues')
    expect(await page.locator('main').boundingBox()).toMatchObject({ width: expect.closeTo(328, -1) })
    await page.keyboard.type(operator.username)
    await page.keyboard.press('Tab')
    await page.keyboard.type(operator.password)
    await page.keyboard.press('Enter')
    await page.waitForURL('**/queues')
    expect(blocked).toEqual([])
  })

  test('below a path everything is found', async () => {
    const publicUrl = new URL('http://127.0.0.1/backups')
    const board = await openBoard(await redis.connect(), { publicUrl })
    const { page, blocked, foreign } = await chromium.open(board.address)
    await visit(page, '/backups')
    await logIn(page)
    await page.getByRole('link', { name: 'Queues' }).click()
    await page.waitForURL('**/backups/queues')
    await page.getByRole('link', { name: 'exports', exact: true }).first().click()
    await page.waitForURL('**/backups/queues/queue/exports*')
    expect([blocked, foreign]).toEqual([[], []])
  })
})

test('what the board shows cannot run as a script, whoever named the project', async (context) => {
  context.skip(executable === undefined, 'needs Chromium')
  const world = emptyWorld()
  world.addProject({ name: '<img src=x onerror="document.title=1"><script>document.title=2</script>' })
  const stack = await startStack(redis, { world, services: ['scheduler'] })
  await stack.request()
  await waitFor('the export to wait', async () => (await stack.queues.exports.bull.getPrioritizedCount()) === 1)
  const board = await openBoard(stack.connection, openToAll)
  const { page, blocked } = await chromium.open(board.address)
  await visit(page, '/queues/queue/exports')
  await page.getByText('<script>document.title=2</script>').first().waitFor()
  expect(await page.title()).toContain('cvat-backups')
  expect(blocked).toEqual([])
})
