// The commands about webhooks and messages, and `serve` with both, as people start them.

import { expect, test } from 'vitest'
import { formatEntity } from '#shared/model/entity.ts'
import { startReceiver } from '../services/notifier/receivers.ts'
import { denied } from '../simulator/answers.ts'
import { findFreePort } from '../support/free-port.ts'
import { openInstallation } from '../support/installation.ts'
import { smallWorld } from '../support/small-world.ts'
import { waitFor } from '../support/wait-for.ts'

const secret = 'hooks-secret-0123456789'

function worldOfOrganization() {
  const world = smallWorld({ projects: 2, looseTasks: 1 })
  world.addOrganization({ slug: 'robots', name: 'Robots', owner: 'admin' })
  world.addProject({ name: 'of robots', organization: 'robots' })
  return world
}

test('webhooks are installed once, for organizations and personal projects, after showing what will be done', async () => {
  const { simulator, run } = await openInstallation({ world: worldOfOrganization() })
  const hooks = simulator.world.webhooks
  const receiver = await startReceiver()
  const env = { CVAT_BACKUP_HOOKS_URL: receiver.url, CVAT_BACKUP_HOOKS_SECRET: secret, CVAT_BACKUP_EXCLUDE: 'id:2' }
  const webhooks = (...args: string[]) => run(['webhooks', ...args], env)
  const planned = await webhooks('install', '--dry-run')
  expect(planned.stderr).toBe('')
  expect(planned.stdout).toContain('create   organization robots')
  expect(planned.stdout).toContain('create   project 1 "project 1"')
  expect(planned.stdout).toContain('1 tasks are outside projects and organizations')
  expect(planned.stdout).toContain('2 would be done; nothing was.')
  expect(hooks.size).toBe(0)
  // Nobody can answer here, so nothing is done without --yes.
  expect((await webhooks('install')).code).not.toBe(0)
  expect(hooks.size).toBe(0)

  const installed = await webhooks('install', '--yes')
  expect(installed.stdout).toContain('CVAT has reached the listener.')
  expect(installed.code).toBe(0)
  expect([...hooks.values()].map(({ type, targetUrl, secret }) => ({ type, targetUrl, secret }))).toEqual(
    ['organization', 'project'].map((type) => ({ type, targetUrl: `${receiver.url}/hooks/cvat`, secret })),
  )
  const again = await webhooks('install', '--yes')
  expect(again.stdout).toContain('Nothing is to be done.')
  expect(hooks.size).toBe(2)

  const [first, second] = [...hooks.values()]
  first!.isActive = false
  second!.lastStatus = 401
  const status = await webhooks('status')
  expect(status.code).toBe(1)
  expect(status.stdout).toContain('change   organization robots: it is switched off')
  expect(status.stdout).toContain('change   project 1 "project 1": its last call was refused: CVAT has another secret')
  expect((await webhooks('install', '--yes')).code).toBe(0)
  expect(first!.isActive).toBe(true)

  const removed = await webhooks('remove', '--yes')
  expect(removed.stdout).toContain('2 were removed')
  expect(hooks.size).toBe(0)
  for (const { stdout, stderr } of [planned, installed, again, status, removed]) {
    expect(stdout + stderr).not.toContain(secret)
  }
})

test('what this login may not do, what cannot be reached and what is not set is named', async () => {
  const { simulator, run } = await openInstallation({ world: smallWorld({ projects: 2 }) })
  const env = { CVAT_BACKUP_HOOKS_URL: `http://127.0.0.1:${await findFreePort()}`, CVAT_BACKUP_HOOKS_SECRET: secret }
  const unset = await run(['webhooks', 'install'])
  expect(unset).toMatchObject({ code: 2 })
  expect(unset.stderr).toContain('CVAT_BACKUP_HOOKS_URL is not set')
  expect(unset.stderr).toContain('CVAT_BACKUP_HOOKS_SECRET is not set')
  simulator.faults.add({ route: '/api/webhooks', method: 'POST', nth: 1, fault: { kind: 'answer', answer: denied() } })
  const answer = await run(['webhooks', 'install', '--yes'], env)
  expect(answer.code).toBe(1)
  expect(answer.stdout).toContain('FAILED   project 1 "project 1": this login may not')
  expect(answer.stdout).toContain('done     project 2')
  expect(answer.stdout).toContain('CVAT has not reached the listener: no connection.')
  const bad = await run(['webhooks', 'install'], { ...env, CVAT_BACKUP_HOOKS_URL: 'http://backup:8090' })
  expect(bad.code).toBe(2)
  expect(bad.stderr).toContain('names a host that CVAT refuses: one word')
})

test('serve listens: a change becomes an archive by itself, and people are told of what fails', async () => {
  const { simulator, run, start, archives } = await openInstallation({ world: smallWorld({ projects: 2 }) })
  const receiver = await startReceiver()
  const port = await findFreePort()
  const env = {
    CVAT_BACKUP_HOOKS_URL: `http://127.0.0.1:${port}`,
    CVAT_BACKUP_HOOKS_PORT: String(port),
    CVAT_BACKUP_HOOKS_SECRET: secret,
    CVAT_BACKUP_QUIET_MINUTES: '0.01',
    CVAT_BACKUP_NOTIFY_WEBHOOK_URL: receiver.url,
    CVAT_BACKUP_NOTIFY_DISK_FREE: '900 TB',
  }
  const serve = start(['serve'], env)
  await serve.says('all services are ready')
  const installed = await run(['webhooks', 'install', '--yes'], env)
  expect(installed.stdout).toContain('CVAT has reached the listener.')
  simulator.world.annotate(2)
  await waitFor('the archive', async () => (await archives()).length > 0)
  expect((await archives()).map(({ entity }) => formatEntity(entity))).toEqual(['project-2'])
  await waitFor('people to be told', () => receiver.calls.some(({ body }) => body.includes('disk-low')))
  const status = await run(['notify', '--status'], env)
  expect(status.stdout).toContain('ALARM    the backup directory fills up')
  expect(status.stdout).toContain('works    webhook: last sent')
  serve.kill('SIGTERM')
  expect((await serve.ended).code).toBe(0)
})

test('backup by itself tells people before it ends, and pings', async () => {
  const world = smallWorld({ projects: 1 })
  const { run } = await openInstallation({ world })
  const receiver = await startReceiver()
  const env = {
    CVAT_BACKUP_NOTIFY_WEBHOOK_URL: `${receiver.url}/hook`,
    CVAT_BACKUP_NOTIFY_PING_URL: `${receiver.url}/check`,
    CVAT_BACKUP_NOTIFY_DISK_FREE: '0',
  }
  const backUp = () => run(['backup', '--mode', 'p'], env)
  world.removeMedia(1)
  expect((await backUp()).code).toBe(1)
  const [told] = receiver.calls.filter(({ path }) => path === '/hook')
  expect(JSON.parse(told!.body)).toMatchObject({ type: 'alarm', changes: [{ alarm: { kind: 'run-failed' } }, {}] })
  world.restoreMedia(1)
  world.renameProject(1, 'mended')
  expect((await backUp()).code).toBe(0)
  const paths = receiver.calls.map(({ path }) => path.split('?')[0])
  expect(paths.filter((path) => path === '/hook')).toHaveLength(2)
  expect(paths.filter((path) => path?.startsWith('/check')).at(-1)).toBe('/check')
})

test('notify --test sends by every channel, names the one that fails, and shows no secret', async () => {
  const { run } = await openInstallation({ world: smallWorld() })
  const receiver = await startReceiver()
  const gone = `http://127.0.0.1:${await findFreePort()}/services/the-token-of-slack`
  const env = {
    CVAT_BACKUP_NOTIFY_WEBHOOK_URL: `${receiver.url}/hook`,
    CVAT_BACKUP_NOTIFY_PING_URL: `${receiver.url}/check`,
  }
  const well = await run(['notify', '--test'], env)
  expect(well).toMatchObject({ code: 0, stdout: 'sent     webhook\nsent     ping of mode p\n' })
  expect(receiver.calls.map(({ path }) => path)).toEqual(['/hook', '/check/log'])
  const badly = await run(['notify', '--test'], { ...env, CVAT_BACKUP_NOTIFY_SLACK_URL: gone })
  expect(badly.code).toBe(1)
  expect(badly.stdout).toContain('FAILED   slack: no answer')
  expect(badly.stdout + badly.stderr).not.toContain('the-token-of-slack')
  expect((await run(['notify', '--test'])).code).toBe(2)
  expect((await run(['notify'], env)).code).toBe(2)
})

test.each(['listener', 'notifier'])('%s by itself says what it lacks', async (name) => {
  const { run } = await openInstallation({ world: smallWorld() })
  const ended = await run([name], { REDIS_URL: undefined })
  expect(ended.code).toBe(2)
  expect(ended.stderr).toContain('REDIS_URL is not set')
})
