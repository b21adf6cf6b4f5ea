// Run once before all tests: whether their Redis is a container or a redis-server of this machine.
//
// With Docker one container serves all files that need no server of their own: their keys have different prefixes. A test
// that stops its server starts another container. TEST_REDIS=container or local in the environment settles it by hand.

import type { TestProject } from 'vitest/node'
import { findDocker } from './find-docker.ts'
import type { TestRedis } from './test-redis.ts'

export type RedisWay = 'container' | 'local'

declare module 'vitest' {
  export interface ProvidedContext {
    redisWay: RedisWay
    /** The container that files share; absent with servers of this machine. */
    sharedRedisUrl: string | undefined
  }
}

let shared: TestRedis | undefined

/** @throws when TEST_REDIS is neither, or asks for a container that cannot be had */
export async function setup(project: TestProject): Promise<void> {
  const asked = process.env.TEST_REDIS || undefined
  if (asked !== undefined && asked !== 'container' && asked !== 'local') {
    throw new Error(`TEST_REDIS (${asked}) is neither container nor local`)
  }
  shared = asked === 'local' ? undefined : await startShared(asked === 'container')
  project.provide('redisWay', shared ? 'container' : 'local')
  project.provide('sharedRedisUrl', shared?.address.url)
}

export async function teardown(): Promise<void> {
  await shared?.close()
}

async function startShared(isForced: boolean): Promise<TestRedis | undefined> {
  if (!isForced && !(await findDocker())) return undefined
  try {
    // A second to load: only where there is Docker.
    const { removeLeftContainers, startRedisContainer } = await import('./redis-container.ts')
    await removeLeftContainers()
    return await startRedisContainer({ isShared: true })
  } catch (error) {
    if (isForced) throw error
    process.stdout.write(`Redis of the tests: no container (${(error as Error).message}), so a local redis-server\n`)
    return undefined
  }
}
