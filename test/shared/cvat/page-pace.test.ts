import { expect, test } from 'vitest'
import { FIRST_PAGE, PagePace } from '#shared/cvat/page-pace.ts'

test('pages grow while the server answers quickly, up to a limit', () => {
  const pace = new PagePace()
  const sizes = Array.from({ length: 6 }, () => {
    const size = pace.sizeFor('/api/tasks')
    pace.note('/api/tasks', size, 100)
    return size
  })
  expect(sizes).toEqual([500, 2_000, 8_000, 20_000, 20_000, 20_000])
})

test('pages grow to what takes half a second, and are doubled at least', () => {
  const pace = new PagePace()
  pace.note('/api/tasks', 500, 200)
  expect(pace.sizeFor('/api/tasks')).toBe(1_250)
  pace.note('/api/tasks', 1_250, 450)
  expect(pace.sizeFor('/api/tasks')).toBe(2_500)
  pace.note('/api/tasks', 2_500, 600)
  expect(pace.sizeFor('/api/tasks')).toBe(2_500)
})

test('pages of a server that takes its time stay as they are, and shrink where it takes long', () => {
  const pace = new PagePace()
  pace.note('/api/tasks', 500, 900)
  expect(pace.sizeFor('/api/tasks')).toBe(FIRST_PAGE)
  for (const size of [500, 2_000]) pace.note('/api/tasks', size, 100)
  pace.note('/api/tasks', 8_000, 2_000)
  expect(pace.sizeFor('/api/tasks')).toBe(4_000)
  for (let i = 0; i < 5; i++) pace.note('/api/tasks', pace.sizeFor('/api/tasks'), 60_000)
  expect(pace.sizeFor('/api/tasks')).toBe(FIRST_PAGE)
})

test('each list has a pace of its own, and a failure ends it for an hour', () => {
  let nowMs = 0
  const pace = new PagePace(() => nowMs)
  pace.note('/api/tasks', 500, 250)
  expect([pace.sizeFor('/api/tasks'), pace.sizeFor('/api/jobs')]).toEqual([1_000, 500])
  pace.reset('/api/tasks')
  expect(pace.sizeFor('/api/tasks')).toBe(FIRST_PAGE)
  nowMs = 3_599_999
  pace.note('/api/tasks', 500, 100)
  expect(pace.sizeFor('/api/tasks')).toBe(FIRST_PAGE)
  nowMs = 3_600_000
  pace.note('/api/tasks', 500, 100)
  expect(pace.sizeFor('/api/tasks')).toBe(2_000)
})
