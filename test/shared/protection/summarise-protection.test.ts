import fc from 'fast-check'
import { expect, test } from 'vitest'
import { judgeProtection, protectionStates } from '#shared/protection/judge-protection.ts'
import type { ProtectionRow } from '#shared/protection/protection-table.ts'
import { summariseProtection } from '#shared/protection/summarise-protection.ts'

const DUE = 500

const rows = fc
  .array(
    fc.record({
      isEmpty: fc.boolean(),
      protectedAtMs: fc.option(fc.integer({ min: 1, max: 1_000 }), { nil: undefined }),
      archived: fc.boolean(),
      failed: fc.boolean(),
      annotations: fc.boolean(),
    }),
    { maxLength: 300 },
  )
  .map((plans) =>
    plans.map(
      ({ archived, failed, annotations, ...plan }, index): ProtectionRow => ({
        ...plan,
        key: `project-${index + 1}.${annotations ? 'annotations-1' : 'backup'}`,
        entity: { type: 'project', id: index + 1 },
        content: annotations ? { kind: 'annotations', format: 'f', saveImages: false } : { kind: 'backup' },
        name: 'n',
        organization: null,
        link: 'l',
        listedAtMs: { p: 1 },
        archive: archived ? { createdAtMs: 1 } : undefined,
        failure: failed ? { code: 'c', reason: 'r', atMs: 1 } : undefined,
      }),
    ),
  )

test('every row is counted once, and the named ones are the worst of all, however many there are', async () => {
  await fc.assert(
    fc.asyncProperty(rows, fc.integer({ min: 0, max: 20 }), async (all, worst) => {
      const summary = await summariseProtection(all, { dueAtMsOf: () => DUE, worst })
      for (const kind of ['backup', 'annotations'] as const) {
        const own = all.filter((row) => row.content.kind === kind)
        const { counts, worst: named, oldestProtectedAtMs } = summary[kind]
        expect(Object.values(counts).reduce((a, b) => a + b)).toBe(own.length)
        expect(named).toHaveLength(Math.min(worst, own.length))
        const rank = (row: ProtectionRow) => protectionStates.indexOf(judgeProtection(row, DUE).state)
        const orders = own.map((row) => rank(row) * 10_000 + (row.protectedAtMs ?? 0)).sort((a, b) => a - b)
        expect(named.map(({ row }) => rank(row) * 10_000 + (row.protectedAtMs ?? 0))).toEqual(orders.slice(0, worst))
        const times = own.flatMap((row) => row.protectedAtMs ?? [])
        expect(oldestProtectedAtMs).toBe(times.length > 0 ? Math.min(...times) : undefined)
      }
    }),
  )
})
