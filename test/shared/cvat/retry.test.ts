import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseRetryAfter, pauseMs, withRetries } from '#shared/cvat/retry.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import { noAbort } from './test-client.ts'

const policy = { attempts: 5, baseMs: 500, maxMs: 15_000, maxElapsedMs: 60_000 }

describe('pauses', () => {
  it('lie between nothing and a step that doubles up to its limit', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.double({ min: 0, max: 1, noNaN: true }), (count, random) => {
        const pause = pauseMs(policy, count, random)
        expect(pause).toBeGreaterThanOrEqual(0)
        expect(pause).toBeLessThanOrEqual(Math.min(policy.maxMs, 500 * 2 ** (count - 1)))
      }),
    )
    expect([1, 2, 3, 4, 5, 6, 7].map((count) => pauseMs(policy, count, 1))).toEqual([
      500, 1000, 2000, 4000, 8000, 15_000, 15_000,
    ])
  })
})

describe('Retry-After', () => {
  const now = Date.parse('2026-11-22T20:00:00Z')

  it.each([
    ['10', 10_000],
    [' 3 ', 3000],
    ['0', 0],
    ['999999999', 600_000],
    ['Sun, 22 Nov 2026 20:00:05 GMT', 5000],
    ['Sun, 22 Nov 2026 19:00:00 GMT', 0],
    ['Sun, 22 Nov 2036 20:00:00 GMT', 600_000],
    ['soon', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%s is %s ms', (value, expected) => {
    expect(parseRetryAfter(value, now)).toBe(expected)
  })
})

describe('repeating', () => {
  const repeat = (error: Error) => {
    let calls = 0
    const run = { policy, random: () => 0, sleep: async () => {}, onRetry: () => {} }
    const outcome = withRetries(run, noAbort(), async () => {
      calls++
      throw error
    })
    return outcome.catch((thrown) => ({ thrown, calls }))
  }

  it.each(['throttled', 'server-error', 'unreachable', 'timeout'])('is done for %s when retryable', async (code) => {
    expect(await repeat(new BackupError('x', { code, retryable: true }))).toMatchObject({ calls: 5 })
    expect(await repeat(new BackupError('x', { code, retryable: false }))).toMatchObject({ calls: 1 })
  })

  it('is left to the caller for what takes minutes, and for programming errors', async () => {
    expect(await repeat(new BackupError('x', { code: 'export-not-finished', retryable: true }))).toMatchObject({
      calls: 1,
    })
    const bug = new TypeError('bug')
    expect(await repeat(bug)).toEqual({ thrown: bug, calls: 1 })
  })
})
