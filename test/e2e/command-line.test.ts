// The command line and the services' processes under real node: whether they start, and what they say when they cannot.

import { describe, expect, test } from 'vitest'
import { expectNoLeaks } from '../support/expect-no-leaks.ts'
import { openInstallation } from '../support/installation.ts'
import { smallWorld } from '../support/small-world.ts'

expectNoLeaks()

describe('a wrong or missing', () => {
  test('password ends with 2 and a hint', { timeout: 600_000 }, async () => {
    const server = await openInstallation({ world: smallWorld() })
    const ended = await server.run(['backup'], { CVAT_PASSWORD: 'wrong-pw-3Kq' })
    expect(ended.code).toBe(2)
    expect(ended.stderr).toMatch(/CVAT_PASSWORD|CVAT_USERNAME/)
    expect(ended.stdout + ended.stderr).not.toContain('wrong-pw-3Kq')
    expect(await server.archives().catch(() => [])).toEqual([])
  })

  test('server ends with 1 and a hint', { timeout: 600_000 }, async () => {
    const server = await openInstallation({ world: smallWorld() })
    await server.simulator.close()
    const ended = await server.run(['backup'])
    expect(ended.code).toBe(1)
    expect(ended.stderr).toContain('CVAT_URL')
  })

  test('settings end with 2, all named at once', { timeout: 600_000 }, async () => {
    const server = await openInstallation({ world: smallWorld() })
    const ended = await server.run(['backup'], { CVAT_URL: 'nowhere', CVAT_BACKUP_PARALLEL_EXPORTS: 'many' })
    expect(ended.code).toBe(2)
    expect(ended.stderr).toContain('CVAT_URL')
    expect(ended.stderr).toContain('CVAT_BACKUP_PARALLEL_EXPORTS')
  })

  test('Redis at REDIS_URL ends with 1 and a hint', { timeout: 600_000 }, async () => {
    const server = await openInstallation({ world: smallWorld() })
    const ended = await server.run(['backup'], { REDIS_URL: 'redis://user:redis-pw-8Zt@127.0.0.1:1' })
    expect(ended.code).toBe(1)
    expect(ended.stderr).toContain('REDIS_URL')
    expect(ended.stdout + ended.stderr).not.toContain('redis-pw-8Zt')
  })

  test.each([
    [['restore-everything'], /restore-everything/],
    [['backup', '--mode', 'x'], /p, a or t/],
    [['backup', '--project', 'street'], /street/],
    [['backup', 'now'], /now/],
    [[], /Usage/],
  ])('words %j end with 2 and say what is meant', { timeout: 600_000 }, async (args, text) => {
    const server = await openInstallation({ world: smallWorld() })
    const ended = await server.run(args)
    expect(ended.code).toBe(2)
    expect(ended.stdout + ended.stderr).toMatch(text)
  })
})

describe('under real node', () => {
  test.each(['scheduler', 'exporter', 'downloader', 'sweeper'])(
    'the %s starts, and says what it needs',
    { timeout: 600_000 },
    async (name) => {
      const server = await openInstallation({ world: smallWorld() })
      const service = server.startService(name)
      expect(await service.ended).toMatchObject({ code: 2, stderr: expect.stringContaining('REDIS_URL') })
    },
  )

  test.each([['--help'], ['list'], ['print-config'], ['sweep', '--dry-run']])(
    '%s works',
    { timeout: 600_000 },
    async (...args) => {
      const server = await openInstallation({ world: smallWorld() })
      await server.store.checkDirectory()
      expect(await server.run(args)).toMatchObject({ code: 0, stderr: '' })
    },
  )
})
