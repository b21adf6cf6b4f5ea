import { expect, test } from 'vitest'
import { openExcludedTable } from '#shared/protection/excluded-table.ts'
import { useRedis } from '../../support/redis-server.ts'

const redis = useRedis()
const never = new AbortController().signal
const left = (id: number) => ({
  entity: { type: 'project', id } as const,
  name: `project ${id}`,
  organization: null,
  link: `https://cvat.example.com/projects/${id}`,
})

test('what a whole listing no longer leaves out goes, and what another mode leaves out stays', async () => {
  const table = openExcludedTable(await redis.connect())
  await table.note('p', 1_000, [left(1), left(2)])
  await table.note('t', 1_000, [left(3)])
  await table.note('p', 2_000, [left(2)])
  await table.endListing('p', 2_000, never)
  const found = await Array.fromAsync(table.rows())
  expect(found.map(({ entity }) => entity.id).sort()).toEqual([2, 3])
})

test('what something else has written is passed over, and goes with the next whole listing', async () => {
  const connection = await redis.connect()
  const table = openExcludedTable(connection)
  await connection.redis.hset(`${connection.prefix}:excluded`, 'p project-9', '{', 'p x', '{}')
  expect(await Array.fromAsync(table.rows())).toEqual([])
  await table.endListing('p', 1_000, never)
  expect(await connection.redis.hlen(`${connection.prefix}:excluded`)).toBe(0)
})
