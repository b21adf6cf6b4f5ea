import { describe, expect, test } from 'vitest'
import { judgeEntity } from '#shared/overview/judge-entity.ts'
import type { StoredEntity } from '#shared/overview/stored-entities.ts'
import type { ProtectionRow } from '#shared/protection/protection-table.ts'

const nowMs = Date.parse('2026-11-26T12:00:00Z')
const hoursAgo = (hours: number) => nowMs - hours * 3600_000

function row(more: Partial<ProtectionRow> = {}): ProtectionRow {
  return {
    key: 'project-6.backup',
    entity: { type: 'project', id: 6 },
    content: { kind: 'backup' },
    name: 'Crossing',
    organization: null,
    link: 'https://cvat.example.com/projects/6',
    listedAtMs: { p: hoursAgo(1) },
    isEmpty: false,
    protectedAtMs: hoursAgo(1),
    archive: { createdAtMs: hoursAgo(5) },
    ...more,
  }
}

function stored(state: StoredEntity['newest']['state'], more: Partial<StoredEntity> = {}): StoredEntity {
  return {
    entity: { type: 'project', id: 6 },
    serverUrl: 'https://cvat.example.com',
    name: 'Crossing',
    organization: null,
    archives: 1,
    storedBytes: 22,
    newest: { createdAtMs: hoursAgo(2), state },
    newestGood: undefined,
    deletedSince: undefined,
    ...more,
  }
}

const judge = (facts: Partial<Parameters<typeof judgeEntity>[0]>) =>
  judgeEntity({
    rows: [],
    stored: undefined,
    isExcluded: false,
    isListingKnown: true,
    dueAtMsOf: () => hoursAgo(3),
    ...facts,
  })

const failure = { code: 'export-failed', reason: 'no', atMs: hoursAgo(1) }

describe('a project or task is', () => {
  test.each([
    ['protected', { rows: [row()], stored: stored('good') }],
    ['late', { rows: [row({ protectedAtMs: hoursAgo(30) })], stored: stored('good') }],
    ['failed', { rows: [row({ failure })], stored: stored('good') }],
    ['never', { rows: [row({ archive: undefined, protectedAtMs: undefined })] }],
    ['stale', { rows: [row({ failure })], stored: stored('stale') }],
    ['incomplete', { rows: [row({ archive: undefined, failure })], stored: stored('incomplete') }],
    ['incomplete', { rows: [row({ failure })], stored: stored('damaged') }],
    ['excluded', { isExcluded: true, stored: stored('good') }],
    ['deleted', { stored: stored('good', { deletedSince: '2026-11-01T00:00:00.000Z' }) }],
    ['unknown', { stored: stored('good') }],
    ['unknown', { stored: stored('good'), isListingKnown: false }],
  ] as const)('%s', (state, facts) => {
    const judged = judge(facts)
    expect([judged.state, judged.reasons.length > 0]).toEqual([state, true])
  })

  test('protected where a stale archive of a project is made whole by own archives of its tasks', () => {
    expect(judge({ rows: [row()], stored: stored('stale') }).state).toBe('protected')
  })

  test('as its worst series is', () => {
    const annotations = row({
      key: 'project-6.annotations-1',
      content: { kind: 'annotations', format: 'COCO', saveImages: false },
    })
    expect(judge({ rows: [row(), { ...annotations, failure }] }).state).toBe('failed')
  })

  test('listed again though it was marked as deleted', () => {
    const back = stored('good', { deletedSince: '2026-11-01T00:00:00.000Z' })
    expect(judge({ rows: [row()], stored: back }).state).toBe('protected')
  })
})
