import { describe, expect, test } from 'vitest'
import { readVerifyRequest } from '../../cli/read-verify-request.ts'

const now = new Date('2026-11-30T12:00:00.000Z')
const read = (...args: string[]) => readVerifyRequest(args, now)

describe('the words behind verify', () => {
  test('may be none: everything unchecked for 30 days, as thoroughly as can be', () => {
    expect(read()).toEqual({
      level: 'complete',
      checkedBefore: new Date('2026-10-31T12:00:00.000Z'),
      entities: undefined,
      all: false,
      json: false,
    })
  })

  test.each([
    ['12h', '2026-11-30T00:00:00.000Z'],
    ['7d', '2026-11-23T12:00:00.000Z'],
    ['2w', '2026-11-16T12:00:00.000Z'],
    ['2026-11-01', '2026-11-01T00:00:00.000Z'],
    ['2026-11-01T10:00:00+02:00', '2026-11-01T08:00:00.000Z'],
    ['2026-11-01T10:00:00.123Z', '2026-11-01T10:00:00.123Z'],
  ])('--since %s means what was last checked before %s', (since, expected) => {
    expect(read('--since', since).checkedBefore.toISOString()).toBe(expected)
  })

  test('named folders are checked whatever their last check, unless --since says otherwise', () => {
    const named = read('project-6', 'task-7')
    expect(named.entities).toEqual([
      { type: 'project', id: 6 },
      { type: 'task', id: 7 },
    ])
    expect(named.checkedBefore).toEqual(now)
    expect(read('project-6', '--since', '7d').checkedBefore.toISOString()).toBe('2026-11-23T12:00:00.000Z')
  })

  test('--all leaves nothing out', () => {
    expect(read('--all')).toMatchObject({ checkedBefore: now, entities: undefined, all: true })
  })

  test.each([
    ['--since', 'yesterday'],
    ['--since', '7'],
    ['--since', '2026-02-30'],
    ['--since', '2026-11-01T10:00:00'],
    ['--since', '2027-01-01'],
    ['--all', '--since', '7d'],
    ['--level', 'fresh'],
    ['project-06'],
    ['alpha'],
    ['--thorough'],
  ])('%s %s is refused as wrong usage', (...args) => {
    expect(() => read(...args)).toThrow(expect.objectContaining({ code: 'usage' }))
  })
})
