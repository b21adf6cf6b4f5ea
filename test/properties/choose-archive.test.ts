// Which archive a restore takes: never an export, never one of a later time, never one with a gap where a whole one is there.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { chooseArchive } from '#shared/restores/choose-archive.ts'
import { isGood } from '#shared/store/record.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'

const day = (index: number) => new Date(Date.UTC(2026, 10, 1 + index))

const faults = fc.constantFrom('none', 'none', 'missing-task', 'no-media', 'bit-rot', 'damaged-member')

const archives = fc
  .array(fc.record({ fault: faults, isExport: fc.boolean() }), { maxLength: 12 })
  .map((rows) => rows.map(makeArchive).toReversed())

test('is the newest good backup until then, as long as there is one that no tasks have to make up for', () => {
  fc.assert(
    fc.property(archives, fc.option(fc.integer({ min: 0, max: 13 }), { nil: undefined }), (all, until) => {
      const notAfter = until === undefined ? undefined : day(until)
      const { archive, reason } = chooseArchive(all, [], notAfter)
      const good = all.find(
        ({ record }) =>
          record.series.content.kind === 'backup' &&
          isGood(record) &&
          (!notAfter || record.createdAt <= notAfter.toISOString()),
      )
      expect(archive?.record.archive.fileName).toBe(good?.record.archive.fileName)
      expect(reason).not.toBe('')
    }),
  )
})

function makeArchive({ fault, isExport }: { fault: string; isExport: boolean }, index: number): StoredArchive {
  const createdAt = day(index).toISOString()
  const fileName = `${index}.zip`
  const entity = { type: 'project', id: 6 } as const
  const task = { id: 1, name: 'a', subset: '', size: 3, updatedDate: createdAt, jobCount: 1, newestJobDate: createdAt }
  return {
    entity,
    archivePath: `/nowhere/${fileName}`,
    recordPath: '/nowhere/record',
    record: {
      formatVersion: 1,
      type: 'archive',
      archive: { fileName, sizeBytes: 1, sha256: 'a'.repeat(64) },
      series: {
        entity,
        content: isExport
          ? { kind: 'annotations', format: 'CVAT for images 1.1', saveImages: false }
          : { kind: 'backup' },
      },
      server: { url: 'https://cvat.example.org', version: null },
      observation: { name: 'alpha', organization: null, updatedDate: createdAt, tasks: [task] },
      createdAt,
      members: { count: 4, perTask: [{ position: 0, taskId: 1, name: 'a', frames: 3 }] },
      verification: {
        level: fault === 'none' ? 'fresh' : 'whole',
        checkedAt: createdAt,
        problems: fault === 'none' ? [] : [{ code: fault, message: `it is ${fault}`, taskId: 1 }],
        warnings: [],
      },
      origin: { runId: 'run', backupId: 'run.project-6.backup', attempts: 1 },
    },
  }
}
