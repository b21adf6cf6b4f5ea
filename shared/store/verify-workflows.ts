// Re-checks the workflow sidecars that go with an archive, whenever the archive is re-checked.

import { BackupError } from '#shared/errors/backup-error.ts'
import type { EntityRef } from '#shared/model/entity.ts'
import { matchWorkflows } from './choose-workflow.ts'
import type { FileOperations } from './file-operations.ts'
import type { Layout } from './layout.ts'
import { listRecords } from './list-records.ts'
import type { StoredArchive } from './stored-archive.ts'
import { openWorkflowStore } from './workflow-store.ts'

export interface WorkflowFinding {
  readonly what: 'damaged-workflow'
  readonly entity: EntityRef
  readonly path: string
  readonly message: string
}

/** With the newest archive also those that are torn or renamed: no archive can be told to be theirs. */
export async function* checkWorkflows(
  files: FileOperations,
  layout: Layout,
  checked: StoredArchive,
  signal: AbortSignal,
): AsyncGenerator<WorkflowFinding> {
  const { entity } = checked
  if (checked.record.series.content.kind !== 'backup') return
  const store = openWorkflowStore(files, layout)
  const { workflows, unrecognised } = await store.list(entity)
  if (workflows.length + unrecognised.length === 0) return
  const { archives } = await listRecords(files, layout, entity)
  const isChecked = ({ archivePath }: StoredArchive) => archivePath === checked.archivePath
  const matched = matchWorkflows(archives, workflows).get(archives.find(isChecked)!)
  for (const workflow of new Set([matched?.own, matched?.last])) {
    if (!workflow) continue
    try {
      await store.verify(workflow, signal)
    } catch (error) {
      if (!(error instanceof BackupError) || error.code !== 'damaged-workflow') throw error
      const hint = error.hint === undefined ? '' : `. ${error.hint}`
      yield { what: 'damaged-workflow', entity, path: workflow.path, message: `${error.message}${hint}` }
    }
  }
  const newest = archives.find(({ record }) => record.series.content.kind === 'backup')
  if (!newest || !isChecked(newest)) return
  for (const { path, reason } of unrecognised) {
    if (reason !== 'broken') continue
    yield { what: 'damaged-workflow', entity, path, message: 'it is torn, or was renamed: it says nothing any more' }
  }
}
