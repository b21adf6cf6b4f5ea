import fc from 'fast-check'
import { expect, test } from 'vitest'
import { foreignHolder, openExportSlots } from '#shared/coordination/export-slots.ts'
import { expectNoLeaks } from '../../support/expect-no-leaks.ts'
import { useRedis } from '../../support/redis-server.ts'

const redis = useRedis()
expectNoLeaks()

const openSlots = async () => openExportSlots(await redis.connect())

test('there are as many slots as the limit says, and one given back is free for the next', async () => {
  const slots = await openSlots()
  expect(await slots.take('a', 2)).toBe(true)
  expect(await slots.take('b', 2)).toBe(true)
  expect(await slots.take('c', 2)).toBe(false)
  await slots.giveBack('a')
  expect(await slots.take('c', 2)).toBe(true)
  expect((await slots.list()).map(({ holder }) => holder).sort()).toEqual(['b', 'c'])
})

test('who has a slot keeps it when it asks again, over the limit or not, and its request stays known', async () => {
  const slots = await openSlots()
  await slots.take('a', 1)
  await slots.note('a', 'request 1')
  expect(await slots.take('a', 1)).toBe(true)
  expect(await slots.list()).toEqual([{ holder: 'a', requestId: 'request 1', takenAtMs: expect.any(Number) }])
})

test('a slot that was given back twice is free once', async () => {
  const slots = await openSlots()
  await slots.take('a', 1)
  await slots.giveBack('a')
  await slots.giveBack('a')
  expect(await slots.take('b', 1)).toBe(true)
  expect(await slots.take('c', 1)).toBe(false)
})

test('a lower limit lets nobody in until enough have left', async () => {
  const slots = await openSlots()
  for (const holder of ['a', 'b', 'c']) await slots.take(holder, 3)
  await slots.giveBack('a')
  expect(await slots.take('d', 1)).toBe(false)
  await slots.giveBack('b')
  expect(await slots.take('d', 1)).toBe(false)
  await slots.giveBack('c')
  expect(await slots.take('d', 1)).toBe(true)
})

test('many who ask at once get no more slots than there are', async () => {
  const slots = await openSlots()
  const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => slots.take(`h${i}`, 7)))
  expect(answers.filter(Boolean)).toHaveLength(7)
})

test('a holder found at the server is told apart from a series', () => {
  expect(foreignHolder('action=export&target=project')).not.toMatch(/^(project|task)-/)
})

test('whatever the order of taking and giving back, slots are a set of at most the limit', async () => {
  const step = fc.record({ take: fc.boolean(), holder: fc.constantFrom('a', 'b', 'c', 'd', 'e') })
  const limit = 3
  const connection = await redis.connect()
  let round = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const slots = openExportSlots({ ...connection, prefix: `${connection.prefix}${round++}` })
      const model = new Set<string>()
      for (const { take, holder } of steps) {
        if (take) {
          const expected = model.has(holder) || model.size < limit
          expect(await slots.take(holder, limit)).toBe(expected)
          if (expected) model.add(holder)
        } else {
          await slots.giveBack(holder)
          model.delete(holder)
        }
      }
      expect((await slots.list()).map(({ holder }) => holder).sort()).toEqual([...model].sort())
    }),
    { numRuns: 40 },
  )
})
