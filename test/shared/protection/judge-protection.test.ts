import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { judgeProtection, protectionStates } from '#shared/protection/judge-protection.ts'
import { describeReason } from '#shared/protection/protection-reason.ts'

const at = (text: string) => Date.parse(text)
const yesterday = at('2026-11-21T00:10:00Z')
const due = at('2026-11-21T00:00:00Z')
const archive = { createdAtMs: at('2026-10-01T00:05:00Z') }
const failure = { code: 'export-failed', reason: 'CVAT said no', atMs: at('2026-11-22T00:20:00Z') }

/** With its reasons in words. */
function judge(...args: Parameters<typeof judgeProtection>) {
  const { state, reasons } = judgeProtection(...args)
  return { state, reasons: reasons.map(describeReason) }
}

describe('an entity', () => {
  test('without a good archive was never protected, and the reasons say whether somebody tried', () => {
    expect(judge({ isEmpty: false }, due)).toEqual({ state: 'never', reasons: ['there is no good archive'] })
    expect(judge({ isEmpty: false, failure }, due)).toEqual({
      state: 'never',
      reasons: ['there is no good archive', 'the last attempt failed at 2026-11-22T00:20:00.000Z: export-failed'],
    })
  })

  test('that is as its archive shows it is protected, however old the archive', () => {
    expect(judge({ isEmpty: false, archive, protectedAtMs: yesterday }, due)).toEqual({
      state: 'protected',
      reasons: ['found protected at 2026-11-21T00:10:00.000Z'],
    })
  })

  test('that nobody has found protected for a whole interval is late', () => {
    expect(judge({ isEmpty: false, archive, protectedAtMs: due - 1 }, due)).toEqual({
      state: 'late',
      reasons: ['last found protected at 2026-11-20T23:59:59.999Z, it was due by 2026-11-21T00:00:00.000Z'],
    })
    expect(judge({ isEmpty: false, archive, protectedAtMs: due }, due).state).toBe('protected')
  })

  test('that nobody has ever found protected says so', () => {
    expect(judge({ isEmpty: true }, due)).toEqual({
      state: 'late',
      reasons: ['never found protected, it was due by 2026-11-21T00:00:00.000Z'],
    })
  })

  test('of which only the archive is known is held to the time of that', () => {
    expect(judge({ isEmpty: false, archive }, due).state).toBe('late')
    expect(judge({ isEmpty: false, archive }, archive.createdAtMs).state).toBe('protected')
  })

  test('whose last attempt failed says so, and whether it is late besides', () => {
    const row = { isEmpty: false, archive, failure, protectedAtMs: yesterday }
    expect(judge(row, due)).toMatchObject({ state: 'failed', reasons: { length: 1 } })
    expect(judge(row, yesterday + 1)).toMatchObject({ state: 'failed', reasons: { length: 2 } })
  })

  test('without data has nothing to lose', () => {
    expect(judge({ isEmpty: true, protectedAtMs: yesterday }, due)).toEqual({
      state: 'protected',
      reasons: ['the task has no data yet'],
    })
  })

  test('that nothing says when to back up is never late', () => {
    expect(judge({ isEmpty: false, archive, protectedAtMs: 1 }, undefined).state).toBe('protected')
  })
})

const time = fc.integer({ min: 1, max: 4_000_000_000_000 })
const row = fc.record({
  isEmpty: fc.boolean(),
  protectedAtMs: fc.option(time, { nil: undefined }),
  archive: fc.option(
    time.map((createdAtMs) => ({ createdAtMs })),
    { nil: undefined },
  ),
  failure: fc.option(
    time.map((atMs) => ({ code: 'x', reason: 'y', atMs })),
    { nil: undefined },
  ),
})
const dueTime = fc.option(time, { nil: undefined })
const rank = (...args: Parameters<typeof judgeProtection>) => protectionStates.indexOf(judgeProtection(...args).state)

describe('whatever a row holds', () => {
  test('nothing is called protected without an archive or being empty, after a failure, or past its time', () => {
    fc.assert(
      fc.property(row, dueTime, (each, dueAtMs) => {
        const { state, reasons } = judgeProtection(each, dueAtMs)
        expect(reasons.length).toBeGreaterThan(0)
        if (state !== 'protected') return
        expect(each.archive !== undefined || each.isEmpty).toBe(true)
        expect(each.failure).toBeUndefined()
        const last = each.protectedAtMs ?? each.archive?.createdAtMs ?? Number.NEGATIVE_INFINITY
        expect(last).toBeGreaterThanOrEqual(dueAtMs ?? Number.NEGATIVE_INFINITY)
      }),
    )
  })

  test('a later due time never makes it better, a later protection never worse', () => {
    fc.assert(
      fc.property(row, time, time, (each, one, other) => {
        const [earlier, later] = [Math.min(one, other), Math.max(one, other)]
        expect(rank(each, later)).toBeLessThanOrEqual(rank(each, earlier))
        expect(rank({ ...each, protectedAtMs: later }, one)).toBeGreaterThanOrEqual(
          rank({ ...each, protectedAtMs: earlier }, one),
        )
      }),
    )
  })
})
