// The backup directory as one object. It holds no state: any number of processes may open the same directory.

import { join, resolve } from 'node:path'
import { type EntityRef, formatEntity } from '#shared/model/entity.ts'
import type { Series } from '#shared/model/series.ts'
import { type CatalogueTotals, writeCatalogue } from './catalogue-file.ts'
import { checkDirectory, type DirectoryCheck } from './check-directory.ts'
import { checkReferences, type ReferenceFinding } from './check-references.ts'
import { discardPartials, listPartialBackups, removeStalePartials, takePartial } from './clean-partials.ts'
import { type CommitInput, type CommittedArchive, commitArchive } from './commit-archive.ts'
import { type DeletedMarker, readDeletedMarker, removeDeletedMarker, writeDeletedMarker } from './deleted-marker.ts'
import {
  closeDrill,
  type DrillReport,
  forgetDrilled,
  listOpenDrills,
  readDrillReport,
  readDrillReports,
  writeDrillReport,
} from './drill-report.ts'
import { type FileOperations, realFiles } from './file-operations.ts'
import { findFreeBytes, tryWriting } from './free-space.ts'
import { judgeDrill } from './judge-drill.ts'
import { describeLayout } from './layout.ts'
import { iterateContent, listEntities, listRecords } from './list-records.ts'
import { type PartReferences, type ReferenceOptions, readPartReferences } from './part-references.ts'
import { createPartial, type PartialFile, type PartialOrigin } from './partial-file.ts'
import { type DrillProof, formatServerSeries, isGood, type Problem, type SnapshotPart } from './record.ts'
import { type Recovery, type RecoveryOptions, recoverEntity } from './recover-entity.ts'
import { removeArchive } from './remove-archive.ts'
import { type RestorePlan, readRestorePlan, writeRestorePlan } from './restore-plan.ts'
import {
  listRestoreStates,
  listRestores,
  type RestoreState,
  readRestoreState,
  writeRestoreState,
} from './restore-state.ts'
import { type RunRecord, readRunRecords, writeRunRecord } from './run-records.ts'
import { normaliseServerUrl } from './server-url.ts'
import { checkMedia, checkParts } from './snapshot-parts.ts'
import { readStatus, type StatusName, writeStatus } from './status-files.ts'
import { withStoreErrors } from './store-errors.ts'
import type { FolderListing, StoredArchive } from './stored-archive.ts'
import { updateVerification } from './update-record.ts'
import { type VerifyEvent, type VerifyOptions, verifyArchives } from './verify-pass.ts'
import { openWorkflowStore, type WorkflowStore } from './workflow-store.ts'

export interface StoreOptions {
  /** CVAT_BACKUP_DIR. */
  readonly directory: string
  /** The clock; records say when they were verified, temporary files when they were written. */
  readonly now?: () => Date
  readonly files?: FileOperations
}

/** All archives of one series on one server, newest first. */
export interface StoredSeries {
  readonly series: Series
  readonly serverUrl: string
  readonly archives: readonly StoredArchive[]
}

export interface SeriesListing extends Omit<FolderListing, 'archives'> {
  readonly series: StoredSeries[]
}

/** Every function throws a BackupError at a fault of the file system. */
export interface Store {
  readonly directory: string
  /** What no archive holds: stages, states, assignees and issues, in sidecars of their own. */
  readonly workflows: WorkflowStore
  /** Creates what is missing and tries the directory out. Call it before anything else. */
  checkDirectory(): Promise<DirectoryCheck>
  /** Bytes that may still be written; undefined when the file system does not say credibly. */
  findFreeBytes(): Promise<number | undefined>
  /** Writes and removes so many bytes; creates no folder. */
  tryWriting(sizeBytes: number): Promise<void>
  /** A new file for one download. With an origin, a later handler of the same backup may go on with it. */
  createPartial(backupId: string, origin?: PartialOrigin): Promise<PartialFile>
  /** What can be continued of this backup's export, taken over; all its other files are removed. For its handler only. */
  takePartial(wanted: { readonly backupId: string; readonly askedAt: string }): Promise<PartialFile | undefined>
  /** Removes all files of one backup's attempts; gives their number. For the backup's own handler only. */
  discardPartials(backupId: string): Promise<number>
  /** Removes files of backups that are not active; gives their number. Call recoverEntity for all entities first. */
  removeStalePartials(options: Pick<RecoveryOptions, 'isActive'>): Promise<number>
  /** Gives an inspected partial file its final name. Atomic; may run twice. */
  commitArchive(input: CommitInput): Promise<CommittedArchive>
  listEntities(): AsyncGenerator<EntityRef>
  listRecords(entity: EntityRef): Promise<FolderListing>
  /** What all snapshots are made of. */
  readPartReferences(options?: ReferenceOptions): Promise<PartReferences>
  /** Parts that are named and not there, and parts that no snapshot names. */
  checkReferences(signal: AbortSignal): AsyncGenerator<ReferenceFinding>
  /** What is wrong with a snapshot's parts; nothing of them is read but their records. */
  checkParts(snapshotFile: { readonly entity: EntityRef; readonly parts: readonly SnapshotPart[] }): Promise<Problem[]>
  /** What is wrong with the archive that has the media of this one, by its record and size; nothing if it has its own. */
  checkMedia(archive: StoredArchive): Promise<Problem[]>
  /** The entity's archives by series and server: what retention looks at. */
  listSeries(entity: EntityRef): Promise<SeriesListing>
  /** The newest archive without problems of this series on this server. */
  newestGood(series: Series, serverUrl: string): Promise<StoredArchive | undefined>
  /** What an earlier run of the same handler has stored; the good one if there are several. */
  findByBackupId(entity: EntityRef, backupId: string): Promise<StoredArchive | undefined>
  /** Finishes interrupted commits of one entity and removes records without archive. */
  recoverEntity(entity: EntityRef, options: Omit<RecoveryOptions, 'now'>): Promise<Recovery>
  /** recoverEntity for every entity, then removeStalePartials without the files that a record still waits for. */
  recover(options: Omit<RecoveryOptions, 'now'>): Promise<Recovery & { removedPartials: number }>
  /** Ids of backups whose downloads are under way or were left behind. */
  listPartialBackups(): Promise<string[]>
  /** Atomic for readers: a crash in between leaves a record that no listing shows. May run twice. */
  removeArchive(archive: StoredArchive): Promise<void>
  /** Re-checks stored archives, the longest unchecked first; may be stopped and run again at any time. */
  verifyArchives(options: VerifyOptions): AsyncGenerator<VerifyEvent>
  /** Whether an earlier run saw that this server no longer has the entity, and since when. */
  readDeletedMarker(entity: EntityRef, serverUrl: string): Promise<DeletedMarker | undefined>
  /** Marks an entity, whose folder must be there, as deleted on this server from now on. Atomic. */
  writeDeletedMarker(entity: EntityRef, serverUrl: string): Promise<void>
  removeDeletedMarker(entity: EntityRef, serverUrl: string): Promise<void>
  /** Replaces the list of all records that people and other programs read; the store itself never does. */
  writeCatalogue(signal: AbortSignal): Promise<CatalogueTotals>
  writeRunRecord(record: RunRecord): Promise<void>
  readRunRecords(options?: { readonly limit?: number }): Promise<RunRecord[]>
  /** Undefined: this restore has not begun with the entity. @throws BackupError for a file that cannot be understood */
  readRestoreState(restoreId: string, entity: EntityRef): Promise<RestoreState | undefined>
  /** Atomic; replaces the state before. */
  writeRestoreState(state: RestoreState): Promise<void>
  listRestoreStates(restoreId: string): AsyncGenerator<RestoreState>
  listRestores(): Promise<string[]>
  readRestorePlan(restoreId: string): Promise<RestorePlan | undefined>
  /** Atomic; replaces the one before. */
  writeRestorePlan(plan: RestorePlan): Promise<void>
  /** Writes into the record what a drill has shown. May run twice. @returns false when the archive has gone meanwhile */
  recordDrill(archive: StoredArchive, proof: DrillProof): Promise<boolean>
  /** Undefined where there is none, or none that can be understood. */
  readDrillReport(drillId: string): Promise<DrillReport | undefined>
  /** Atomic; replaces the one before. */
  writeDrillReport(report: DrillReport): Promise<void>
  /** Newest first. */
  readDrillReports(limit: number): AsyncGenerator<DrillReport>
  /** Drills that may have left something on their targets: those under way, and interrupted ones. */
  listOpenDrills(): Promise<string[]>
  /** Forgets how far a drill has come with the entity, once nothing of it is on the target. */
  forgetDrilled(drillId: string, entity: EntityRef): Promise<void>
  /** False while anything of the drill is noted that was not forgotten. */
  closeDrill(drillId: string): Promise<boolean>
  /** Undefined where there is none. Its shape is not checked. */
  readStatus(name: StatusName): Promise<unknown>
  /** Atomic; replaces the one before. */
  writeStatus(name: StatusName, value: object): Promise<void>
}

export function openStore({ directory, now = () => new Date(), files = realFiles }: StoreOptions): Store {
  const layout = describeLayout(resolve(directory))

  const store: Store = {
    directory: layout.directory,
    workflows: openWorkflowStore(files, layout),
    checkDirectory: () => checkDirectory(files, layout, now()),
    findFreeBytes: () => findFreeBytes(files, layout),
    tryWriting: (sizeBytes) => tryWriting(files, layout, sizeBytes, now()),
    createPartial: (backupId, origin) => createPartial(files, layout, backupId, origin),
    takePartial: (wanted) => takePartial(files, layout, wanted),
    discardPartials: (backupId) => discardPartials(files, layout, backupId),
    removeStalePartials: (options) => removeStalePartials(files, layout, { ...options, now: now() }),
    commitArchive: (input) => commitArchive(files, layout, input, now()),
    listEntities: () => listEntities(files, layout),
    listRecords: (entity) => listRecords(files, layout, entity),
    readPartReferences: (options) => readPartReferences(files, layout, options),
    checkReferences: (signal) => checkReferences(files, layout, signal),
    checkParts: ({ entity, parts }) =>
      withStoreErrors(`Looking at the parts of ${formatEntity(entity)}`, () =>
        checkParts(files, join(layout.entityFolder(entity), 'snapshot.zip'), parts),
      ),
    checkMedia: ({ entity, archivePath, record: { mediaFrom } }) =>
      withStoreErrors(`Looking at the media of ${formatEntity(entity)}`, async () =>
        mediaFrom ? checkMedia(files, archivePath, mediaFrom) : [],
      ),
    async listSeries(entity) {
      const { archives, ...rest } = await store.listRecords(entity)
      const groups = Map.groupBy(archives, ({ record }) => formatServerSeries(record))
      const series = [...groups.values()].map((group) => {
        const { record } = group[0]!
        return { series: record.series, serverUrl: record.server.url, archives: group }
      })
      return { series, ...rest }
    },
    async newestGood(series, serverUrl) {
      const url = normaliseServerUrl(serverUrl)
      return withStoreErrors('Looking for the newest good archive', async () => {
        for await (const archive of iterateContent(files, layout, series.entity, series.content)) {
          if (archive.record.server.url === url && isGood(archive.record)) return archive
        }
        return undefined
      })
    },
    async findByBackupId(entity, backupId) {
      const { archives } = await store.listRecords(entity)
      const own = archives.filter(({ record }) => record.origin.backupId === backupId)
      return own.find(({ record }) => isGood(record)) ?? own[0]
    },
    recoverEntity: (entity, options) => recoverEntity(files, layout, entity, { ...options, now: now() }),
    async recover(options) {
      const total: Recovery = { finished: [], removed: [], waiting: [] }
      for await (const entity of store.listEntities()) {
        const { finished, removed, waiting } = await store.recoverEntity(entity, options)
        total.finished.push(...finished)
        total.removed.push(...removed)
        total.waiting.push(...waiting)
      }
      const isActive = async (backupId: string) => total.waiting.includes(backupId) || options.isActive(backupId)
      return { ...total, removedPartials: await store.removeStalePartials({ isActive }) }
    },
    listPartialBackups: () => listPartialBackups(files, layout),
    removeArchive: (archive) => removeArchive(files, layout, archive),
    verifyArchives: (options) => verifyArchives(files, layout, now, options),
    readDeletedMarker: (entity, serverUrl) => readDeletedMarker(files, layout, entity, serverUrl),
    writeDeletedMarker: (entity, serverUrl) => writeDeletedMarker(files, layout, entity, serverUrl, now()),
    removeDeletedMarker: (entity, serverUrl) => removeDeletedMarker(files, layout, entity, serverUrl),
    writeCatalogue: (signal) => writeCatalogue(files, layout, now(), signal),
    writeRunRecord: (record) => writeRunRecord(files, layout, record, now()),
    readRunRecords: (options) => readRunRecords(files, layout, options),
    readRestoreState: (restoreId, entity) => readRestoreState(files, layout, restoreId, entity),
    writeRestoreState: (state) => writeRestoreState(files, layout, state, now()),
    listRestoreStates: (restoreId) => listRestoreStates(files, layout, restoreId),
    listRestores: () => listRestores(files, layout),
    readRestorePlan: (restoreId) => readRestorePlan(files, layout, restoreId),
    writeRestorePlan: (plan) => writeRestorePlan(files, layout, plan, now()),
    recordDrill: (archive, proof) =>
      updateVerification(files, layout, archive, ({ verification }) => judgeDrill(verification, proof), now()),
    readDrillReport: (drillId) => readDrillReport(files, layout, drillId),
    writeDrillReport: (report) => writeDrillReport(files, layout, report, now()),
    readDrillReports: (limit) => readDrillReports(files, layout, limit),
    listOpenDrills: () => listOpenDrills(files, layout),
    forgetDrilled: (drillId, entity) => forgetDrilled(files, layout, drillId, entity),
    closeDrill: (drillId) => closeDrill(files, layout, drillId),
    readStatus: (name) => readStatus(files, layout, name),
    writeStatus: (name, value) => writeStatus(files, layout, { name, value }, now()),
  }
  return store
}
