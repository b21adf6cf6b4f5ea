import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { CvatClient } from '#shared/cvat/client.ts'
import type { ExportRequest } from '#shared/cvat/export-request.ts'
import { pollRequest } from '#shared/cvat/poll-request.ts'

const limits = { askedAtMs: 0, timeoutMs: 24 * 3_600_000, timeoutSetting: 'CVAT_BACKUP_REQUEST_TIMEOUT_HOURS' }

/** Polls on a clock of its own; gives the time at which the end was noticed. */
async function noticeEnd(statusAt: (nowMs: number, listedAtMs: number) => ExportRequest['status']): Promise<number> {
  let [nowMs, listedAtMs] = [0, 0]
  const cvat: Pick<CvatClient, 'getRequest' | 'refreshRequests'> = {
    getRequest: async () => ({ status: statusAt(nowMs, listedAtMs), operation: 'export:backup' }) as ExportRequest,
    refreshRequests: async () => {
      listedAtMs = nowMs
    },
  }
  const clock = {
    now: () => nowMs,
    sleep: async (ms: number) => {
      nowMs += ms
    },
  }
  await pollRequest('request', { cvat, clock, ...limits }, new AbortController().signal)
  return nowMs
}

test('between the end of an export and our noticing it there is at most a second or a twentieth of its time', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 3 * 3_600_000 }), async (endMs) => {
      const noticedMs = await noticeEnd((nowMs) => (nowMs >= endMs ? 'finished' : 'started'))
      expect(noticedMs - endMs).toBeLessThanOrEqual(Math.max(1_000, endMs * 0.05))
    }),
  )
})

test('an export whose worker was killed is given up within two minutes, whenever that was', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 3 * 3_600_000 }), async (killedMs) => {
      // CVAT notices when its list is called later than 90 s after the death (recordings l4 and l5).
      const noticedMs = await noticeEnd((_, listedAtMs) => (listedAtMs > killedMs + 90_000 ? 'failed' : 'started'))
      expect(noticedMs - killedMs).toBeLessThanOrEqual(120_000)
    }),
  )
})
