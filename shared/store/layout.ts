// Where things are in the backup directory. Every path is built here, from checked parts only.

import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { type EntityRef, formatEntity } from '#shared/model/entity.ts'

/** Ids of backups and runs become parts of file names, so nothing else is let through. */
const safeId = /^[\w.-]{1,160}$/

export interface Layout {
  readonly directory: string
  readonly privateFolder: string
  /** Downloads in progress and temporary files: on the archives' file system, so that renaming moves no data. */
  readonly partialFolder: string
  readonly runsFolder: string
  /** A list of all records for people and other programs; nothing here ever reads it. */
  readonly catalogue: string
  entityFolder(entity: EntityRef): string
  /** `<backupId>.<12 hex>.part`, a new name each time: two attempts never share a file. */
  newPartial(backupId: string): string
  /** `<backupId>.<12 hex>.origin` beside a partial file: which file of the server its bytes are of. */
  partialOrigin(partialPath: string): string
  /** `<backupId>.<12 hex>.record`: a record on its way to its final name. */
  newTemporaryRecord(backupId: string): string
  /** `<label>.<time>-<12 hex>.tmp`: the time is in the name because modification times cannot be trusted. */
  newTemporary(label: string, now: Date): string
  runRecord(runId: string): string
  /** How far restores have come: a folder for each, a file in it for each project or task. */
  readonly restoresFolder: string
  restoreFolder(restoreId: string): string
  restoreState(restoreId: string, entity: EntityRef): string
  restorePlan(restoreId: string): string
  /** What drills have shown: a file for each. */
  readonly drillsFolder: string
  drillReport(drillId: string): string
}

export function describeLayout(directory: string): Layout {
  const privateFolder = join(directory, '.cvat-backups')
  const partialFolder = join(privateFolder, 'partial')
  const runsFolder = join(privateFolder, 'runs')
  const restoresFolder = join(privateFolder, 'restores')
  const drillsFolder = join(privateFolder, 'drills')
  const restoreFolder = (restoreId: string) => join(restoresFolder, checkId(restoreId))
  return {
    directory,
    privateFolder,
    partialFolder,
    runsFolder,
    catalogue: join(privateFolder, 'catalogue.ndjson'),
    entityFolder: (entity) => join(directory, formatEntity(entity)),
    newPartial: (backupId) => join(partialFolder, `${checkId(backupId)}.${randomHex()}.part`),
    partialOrigin: (partialPath) => partialPath.replace(/\.part$/, '.origin'),
    newTemporaryRecord: (backupId) => join(partialFolder, `${checkId(backupId)}.${randomHex()}.record`),
    newTemporary: (label, now) => join(partialFolder, `${checkId(label)}.${now.getTime()}-${randomHex()}.tmp`),
    runRecord: (runId) => join(runsFolder, `${checkId(runId)}.json`),
    restoresFolder,
    drillsFolder,
    drillReport: (drillId) => join(drillsFolder, `${checkId(drillId)}.json`),
    restoreFolder,
    restorePlan: (restoreId) => join(restoreFolder(restoreId), 'plan.json'),
    restoreState: (restoreId, entity) => join(restoreFolder(restoreId), `${formatEntity(entity)}.json`),
  }
}

export type PartialName =
  | { readonly kind: 'part' | 'origin' | 'record'; readonly backupId: string }
  | { readonly kind: 'tmp'; readonly writtenAtMs: number }

/** What a file in the partial folder is; undefined for a name the store never writes. */
export function parsePartialName(name: string): PartialName | undefined {
  const partial = /^([\w.-]{1,160})\.[0-9a-f]{12}\.(part|origin|record)$/.exec(name)
  if (partial) return { kind: partial[2] as 'part' | 'origin' | 'record', backupId: partial[1]! }
  const temporary = /^[\w.-]{1,160}\.(\d{1,16})-[0-9a-f]{12}\.tmp$/.exec(name)
  return temporary ? { kind: 'tmp', writtenAtMs: Number(temporary[1]) } : undefined
}

function checkId(id: string): string {
  if (!safeId.test(id)) throw new TypeError(`Not an id that may become part of a file name: ${JSON.stringify(id)}`)
  return id
}

function randomHex(): string {
  return randomBytes(6).toString('hex')
}
