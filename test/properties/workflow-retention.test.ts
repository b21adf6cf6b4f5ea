import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { planWorkflowRetention } from '#shared/retention/plan-workflow-retention.ts'
import { type ArchiveLike, matchWorkflows, type WorkflowLike } from '#shared/store/choose-workflow.ts'
import { areEqual, isWithin } from './retention-world.ts'

const now = new Date('2026-11-22T12:00:00.000Z')
const server = fc.constantFrom('https://one', 'https://two')
/** Few moments and few backups, so that they meet; some moments lie in the future. */
const moment = fc
  .integer({ min: -4, max: 30 })
  .map((hours) => new Date(now.getTime() - hours * 3_600_000).toISOString())
const backupId = fc.integer({ min: 1, max: 6 }).map((run) => `run-${run}.project-6.backup`)

const workflow = fc.record({ takenAt: moment, url: server, backupId, fileName: fc.uuid() }).map(
  ({ takenAt, url, backupId, fileName }): WorkflowLike => ({
    fileName,
    head: { takenAt, server: { url, version: null }, origin: { runId: 'run', backupId } },
  }),
)
const archive = fc
  .record({ createdAt: moment, url: server, backupId, fileName: fc.uuid(), isBackup: fc.boolean() })
  .map(
    ({ createdAt, url, backupId, fileName, isBackup }): ArchiveLike => ({
      record: {
        series: {
          entity: { type: 'project', id: 6 },
          content: isBackup ? { kind: 'backup' } : { kind: 'annotations', format: 'COCO 1.0', saveImages: false },
        },
        server: { url, version: null },
        createdAt,
        origin: { runId: 'run', backupId, attempts: 1 },
        archive: { fileName },
      },
    }),
  )
const workflows = fc.array(workflow, { maxLength: 20 })
const archives = fc.array(archive, { maxLength: 8 })

function keptOf(all: readonly WorkflowLike[], kept: readonly ArchiveLike[], at = now): Set<WorkflowLike> {
  const decisions = planWorkflowRetention(all, kept, at)
  return new Set(decisions.filter(({ action }) => action === 'keep').map((one) => one.workflow))
}

function always(claim: (all: WorkflowLike[], kept: ArchiveLike[]) => boolean): void {
  fc.assert(fc.property(workflows, archives, claim), { numRuns: 500 })
}

describe('planning the retention of workflows', () => {
  test('decides about every one exactly once, with a reason', () => {
    always((all, kept) => {
      const decisions = planWorkflowRetention(all, kept, now)
      const hasReasons = decisions.every(
        ({ reasons }) => reasons.length > 0 && reasons.every((reason) => reason !== ''),
      )
      return (
        hasReasons &&
        decisions.length === all.length &&
        areEqual(new Set(decisions.map((d) => d.workflow)), new Set(all))
      )
    })
  })

  test('never empties a server, and never removes the newest of one, with or without archives', () => {
    always((all, kept) => {
      const left = keptOf(all, kept)
      return [...Map.groupBy(all, ({ head }) => head.server.url).values()].every((group) => {
        const past = group.filter(({ head }) => Date.parse(head.takenAt) <= now.getTime())
        const newestMs = Math.max(...past.map(({ head }) => Date.parse(head.takenAt)))
        return past.length === 0
          ? group.every((one) => left.has(one))
          : past.some((one) => left.has(one) && Date.parse(one.head.takenAt) === newestMs)
      })
    })
  })

  test('does not depend on the order of either', () => {
    always((all, kept) => areEqual(keptOf(all, kept), keptOf(all.toReversed(), kept.toReversed())))
  })

  test('leaves with every archive what was there to go with it', () => {
    always((all, kept) => {
      const past = all.filter(({ head }) => Date.parse(head.takenAt) <= now.getTime())
      const left = keptOf(all, kept)
      return [...matchWorkflows(kept, past).values()].every(
        ({ own, last }) => (!own || left.has(own)) && (!last || left.has(last)),
      )
    })
  })

  test('done twice is done once', () => {
    always((all, kept) => {
      const left = keptOf(all, kept)
      return areEqual(keptOf([...left], kept), left)
    })
  })

  test('with more archives keeps the own ones of all that were there before', () => {
    fc.assert(
      fc.property(workflows, archives, archives, (all, some, more) => {
        const own = (kept: ArchiveLike[]) =>
          new Set([...matchWorkflows(kept, all)].flatMap(([of, { own }]) => (some.includes(of) && own ? [own] : [])))
        return isWithin(own(some), own([...some, ...more]))
      }),
    )
  })

  test('takes nothing of one server for the other', () => {
    fc.assert(
      fc.property(workflows, archives, (all, kept) => {
        const of = (url: string) =>
          keptOf(
            all.filter(({ head }) => head.server.url === url),
            kept.filter(({ record }) => record.server.url === url),
          )
        expect(keptOf(all, kept)).toEqual(new Set([...of('https://one'), ...of('https://two')]))
      }),
    )
  })
})

test('of many between two archives the first and the last stay, with the reasons', () => {
  const at = (hour: number) => `2026-11-22T${String(hour).padStart(2, '0')}:00:00.000Z`
  const note = (hour: number, run: string): WorkflowLike => ({
    fileName: `w${hour}`,
    head: { takenAt: at(hour), server: { url: 'https://one', version: null }, origin: { runId: run, backupId: run } },
  })
  const backup = (hour: number, run: string): ArchiveLike => ({
    record: {
      series: { entity: { type: 'project', id: 6 }, content: { kind: 'backup' } },
      server: { url: 'https://one', version: null },
      createdAt: at(hour),
      origin: { runId: run, backupId: run, attempts: 1 },
      archive: { fileName: `${run}.zip` },
    },
  })
  const all = [note(1, 'a'), note(2, '-'), note(3, '-'), note(5, 'b'), note(6, '-'), note(7, '-')]
  const plan = planWorkflowRetention(all, [backup(0, 'a'), backup(4, 'b')], now)
  expect(plan.map(({ workflow, action, reasons }) => [workflow.fileName, action, ...reasons])).toEqual([
    ['w7', 'keep', 'newest workflow of its entity', 'the last one with b.zip'],
    ['w6', 'remove', 'a later one goes with each archive that stays'],
    ['w5', 'keep', 'taken with b.zip'],
    ['w3', 'keep', 'the last one with a.zip'],
    ['w2', 'remove', 'a later one goes with each archive that stays'],
    ['w1', 'keep', 'taken with a.zip'],
  ])
  expect([...keptOf(all, [backup(4, 'b')])].map(({ fileName }) => fileName)).toEqual(['w7', 'w5'])
  expect([...keptOf(all, [])].map(({ fileName }) => fileName)).toEqual(['w7'])
})
