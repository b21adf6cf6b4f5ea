// The part of the store that keeps workflow sidecars: what no archive holds, beside the archives.

import { dirname, join } from 'node:path'
import { type EntityRef, formatEntity } from '#shared/model/entity.ts'
import type { WorkflowRow } from '#shared/model/workflow.ts'
import { chooseWorkflow, compareWorkflows, type WorkflowMoment } from './choose-workflow.ts'
import { type FileOperations, hasErrno, unlinkIfExists } from './file-operations.ts'
import type { Layout } from './layout.ts'
import { listRecords } from './list-records.ts'
import { readWorkflowEnds, readWorkflowRows, type StoredWorkflow, verifyWorkflow } from './read-workflow.ts'
import { normaliseServerUrl } from './server-url.ts'
import { withStoreErrors } from './store-errors.ts'
import { syncDirectory } from './sync-to-disk.ts'
import { parseWorkflowName } from './workflow-name.ts'
import { type WorkflowConclusion, type WorkflowInput, writeWorkflow } from './write-workflow.ts'

export interface WorkflowListing {
  /** Newest first, of all servers. */
  readonly workflows: readonly StoredWorkflow[]
  /** Named like a sidecar and none: torn, renamed, or of a later version. Never touched. */
  readonly unrecognised: readonly { readonly path: string; readonly reason: 'later-version' | 'broken' }[]
}

/** Every function throws a BackupError at a fault of the file system. It holds no state. */
export interface WorkflowStore {
  /** Atomic; pulls the rows as it writes. After a failure nothing is left. */
  write(input: WorkflowInput, rows: AsyncIterator<WorkflowRow, WorkflowConclusion>): Promise<StoredWorkflow>
  list(entity: EntityRef): Promise<WorkflowListing>
  /** The newest of this server; reads no more files than it must. */
  newest(entity: EntityRef, serverUrl: string): Promise<StoredWorkflow | undefined>
  /** The one that goes with an archive, or that shows the state at a time; undefined when there is none. */
  find(entity: EntityRef, moment: WorkflowMoment): Promise<StoredWorkflow | undefined>
  /** Its rows, streamed. @throws BackupError `damaged-workflow`, at the end at the latest */
  read(workflow: StoredWorkflow, signal?: AbortSignal): AsyncGenerator<WorkflowRow>
  /** @throws BackupError `damaged-workflow` */
  verify(workflow: StoredWorkflow, signal?: AbortSignal): Promise<void>
  /** Harmless when it is gone already. */
  remove(workflow: StoredWorkflow): Promise<void>
}

export function openWorkflowStore(files: FileOperations, layout: Layout): WorkflowStore {
  const store: WorkflowStore = {
    write: (input, rows) => writeWorkflow(files, layout, input, rows),
    list: (entity) => listWorkflows(files, layout, entity),
    async newest(entity, serverUrl) {
      const url = normaliseServerUrl(serverUrl)
      return withStoreErrors(`Looking for the workflow of ${formatEntity(entity)}`, async () => {
        const names = await listNames(files, layout, entity)
        // A name tells the second only: which of two is newer their heads say.
        for (const second of Map.groupBy(names, ({ fileName }) => parseWorkflowName(fileName)).values()) {
          const found: StoredWorkflow[] = []
          for (const file of second) {
            const workflow = await readWorkflowEnds(files, file)
            if (typeof workflow === 'object' && workflow.head.server.url === url) found.push(workflow)
          }
          if (found.length > 0) return found.sort(compareWorkflows)[0]
        }
        return undefined
      })
    },
    async find(entity, moment) {
      const { workflows } = await store.list(entity)
      const { archives } = await listRecords(files, layout, entity)
      return chooseWorkflow(workflows, archives, moment)
    },
    read: (workflow, signal) => readWorkflowRows(files, workflow, signal),
    verify: (workflow, signal) => verifyWorkflow(files, workflow, signal),
    async remove({ entity, path, fileName }) {
      const folder = layout.entityFolder(entity)
      if (dirname(path) !== folder || parseWorkflowName(fileName) === undefined) {
        throw new TypeError('Not a workflow of this store')
      }
      await withStoreErrors(`Removing a workflow of ${formatEntity(entity)}`, async () => {
        await unlinkIfExists(files, path)
        await syncDirectory(files, folder)
      })
    },
  }
  return store
}

async function listWorkflows(files: FileOperations, layout: Layout, entity: EntityRef): Promise<WorkflowListing> {
  return withStoreErrors(`Reading the workflows of ${formatEntity(entity)}`, async () => {
    const workflows: StoredWorkflow[] = []
    const unrecognised: { path: string; reason: 'later-version' | 'broken' }[] = []
    for (const file of await listNames(files, layout, entity)) {
      const found = await readWorkflowEnds(files, file)
      if (typeof found === 'string') unrecognised.push({ path: file.path, reason: found })
      else if (found) workflows.push(found)
    }
    return { workflows: workflows.sort(compareWorkflows), unrecognised }
  })
}

/** By the names alone, the newest second first. */
async function listNames(files: FileOperations, layout: Layout, entity: EntityRef) {
  const folder = layout.entityFolder(entity)
  try {
    const entries = await files.readdir(folder, { withFileTypes: true })
    return entries
      .filter((entry) => entry.isFile() && parseWorkflowName(entry.name) !== undefined)
      .map(({ name }) => ({ entity, fileName: name, path: join(folder, name) }))
      .sort((a, b) => (a.fileName < b.fileName ? 1 : -1))
  } catch (error) {
    if (!hasErrno(error, 'ENOENT')) throw error
    // No folder means none, but only where the directory is there at all: behind a lost mount it means nothing.
    await files.lstat(layout.privateFolder)
    return []
  }
}
