import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { assertOfUse, describeStored, isOfUse } from '#services/downloader/judge-stored.ts'
import type { BackupError } from '#shared/errors/backup-error.ts'
import type { EntityType } from '#shared/model/entity.ts'
import { outcomePayloadSchema } from '#shared/queues/outcomes-queue.ts'
import { type ArchiveRecord, archiveRecordSchema, type Problem } from '#shared/store/record.ts'
import { observe } from '../../shared/store/plan-backup.ts'

/** Tasks 101 … with three frames each. */
function recordOf(
  problems: Problem[],
  {
    level = 'complete',
    type = 'project',
    tasks = 3,
    warnings = [],
  }: { level?: string; type?: EntityType; tasks?: number; warnings?: Problem[] } = {},
): ArchiveRecord {
  return archiveRecordSchema.parse({
    formatVersion: 1,
    type: 'archive',
    archive: { fileName: 'a.zip', sizeBytes: 1, sha256: '0'.repeat(64) },
    series: { entity: { type, id: 6 }, content: { kind: 'backup' } },
    server: { url: 'https://cvat.example.org', version: null },
    observation: observe(...Array.from({ length: tasks }, () => 3)),
    createdAt: '2026-11-22T20:34:44.500Z',
    members: { count: 1, perTask: [] },
    verification: { level, checkedAt: '2026-11-22T20:34:44.500Z', problems, warnings },
    origin: { runId: 'r', backupId: 'r.project-6.backup', attempts: 1 },
  })
}

const stale = (taskId?: number, message = 'old'): Problem => ({ code: 'stale', message, ...(taskId && { taskId }) })

function faultOf(record: ArchiveRecord): BackupError {
  try {
    assertOfUse(record)
  } catch (error) {
    return error as BackupError
  }
  throw new Error('expected a fault')
}

describe('an archive is of use', () => {
  test.each(['complete', 'fresh'])('when it is %s without problems', (level) => {
    expect(isOfUse(recordOf([], { level }))).toBe(true)
    expect(describeStored(recordOf([], { level }), null)).toEqual({})
  })

  test('when it is that of a project and only old', () => {
    expect(isOfUse(recordOf([stale(101)]))).toBe(true)
  })

  test('not when it is that of a task and old, nor with any other problem', () => {
    expect(isOfUse(recordOf([stale(101)], { type: 'task' }))).toBe(false)
    expect(isOfUse(recordOf([stale(101), { code: 'bit-rot', message: '' }]))).toBe(false)
    expect(isOfUse(recordOf([], { level: 'sound' }))).toBe(false)
  })
})

describe('what a run is told', () => {
  test('are the warnings of a good archive, the first of them in full', () => {
    const warnings = ['one', 'two', 'three', 'four', 'five'].map((message) => ({
      code: 'label-name-collides',
      message,
    }))
    expect(describeStored(recordOf([], { warnings: warnings.slice(0, 1) }), null)).toEqual({
      reason: 'before a restore, know this: one',
    })
    expect(describeStored(recordOf([stale()], { warnings }), null).reason).toMatch(
      /^CVAT served an old file; .*; before a restore, know this: one; two; three; and 2 more, in the record$/,
    )
    const long = { code: 'x', message: 'x'.repeat(5_000) }
    const { reason } = describeStored(recordOf([], { warnings: [long] }), null)
    expect(outcomePayloadSchema.shape.reason.safeParse(reason).success).toBe(true)
  })

  test('are the tasks to be backed up, with what was observed of them', () => {
    const record = recordOf([stale(103), stale(101), stale()])
    expect(describeStored(record, 'acme')).toEqual({
      reason: 'CVAT served an old file; tasks 101, 103 are backed up by themselves',
      alsoBackUp: { organization: 'acme', tasks: [record.observation.tasks[0], record.observation.tasks[2]] },
    })
    expect(describeStored(recordOf([stale(102)]), null).reason).toContain('task 102 is backed up by itself')
  })

  test('names the first of many and leaves none out', () => {
    const problems = Array.from({ length: 5_000 }, (_, index) => stale(101 + index))
    const told = describeStored(recordOf(problems, { tasks: 5_000 }), null)
    expect(told.reason).toMatch(/tasks 101, .* 110 and 4990 more are backed up/)
    expect(told.alsoBackUp?.tasks).toHaveLength(5_000)
  })

  test('fits into a job, however long the names on the server are', () => {
    const { message, hint, code } = faultOf(recordOf([stale(101, 'x'.repeat(9_000))], { type: 'task' }))
    const series = { entity: { type: 'task', id: 6 }, content: { kind: 'backup' } }
    const outcome = { backupId: 'b', runId: 'r', series, name: 'n', result: 'failed', reason: message, hint, code }
    expect(outcomePayloadSchema.safeParse(outcome).success).toBe(true)
  })
})

test('the documentation shows what a person reads', async () => {
  const text = await readFile(join(import.meta.dirname, '../../../docs/operations.md'), 'utf8')
  const old = faultOf(recordOf([stale(101)], { type: 'task' }))
  const incomplete = faultOf(recordOf([{ code: 'no-media', message: 'lost' }], { level: 'sound' }))
  expect(old.message).toBe('CVAT serves an old file. old')
  expect(incomplete.message).toBe("CVAT's archive is incomplete: lost")
  for (const { hint } of [old, incomplete]) expect(text).toContain(hint)
  const problems = [stale(101), stale(102)]
  const reason = describeStored(recordOf(problems), null).reason?.replace('101, 102', '17, 18')
  expect(text).toContain(`NOTE project-10 "Crossing Königsplatz": ${reason}`)
})
