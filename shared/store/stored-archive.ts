// What reading an entity's folder yields: archives with their records, and everything that is not one.

import type { EntityRef } from '#shared/model/entity.ts'
import type { ArchiveNameParts } from './archive-name.ts'
import type { ArchiveRecord } from './record.ts'

export interface StoredArchive {
  readonly entity: EntityRef
  readonly record: ArchiveRecord
  readonly archivePath: string
  readonly recordPath: string
}

export type UnrecognisedReason =
  /** A name that the store never writes, or something that is no plain file. */
  | 'foreign'
  | 'archive-without-record'
  /** What a crash between record and archive, or between archive and record when removing, leaves. */
  | 'record-without-archive'
  | 'size-differs'
  | 'broken-record'
  /** Written by a later version, or a kind of record that is not known here. */
  | 'unknown-record'

export interface Unrecognised {
  readonly path: string
  readonly reason: UnrecognisedReason
  /** The record where it could be read. */
  readonly record?: ArchiveRecord
}

export interface EntityListing {
  /** Newest first. */
  readonly archives: readonly StoredArchive[]
  readonly unrecognised: readonly Unrecognised[]
}

/** Of the whole folder. */
export interface FolderListing extends EntityListing {
  /** Whether markers of a deletion lay there, of whatever server. */
  readonly hasMarkers: boolean
  /** Whether anything named like a sidecar lay there. */
  readonly hasWorkflows: boolean
}

export interface EntityFolder {
  /** What each base name says. */
  readonly names: ReadonlyMap<string, ArchiveNameParts>
  /** Path of the archive by base name (NFC). */
  readonly archives: ReadonlyMap<string, string>
  /** Path of the record by base name (NFC). */
  readonly records: ReadonlyMap<string, string>
  readonly foreign: readonly string[]
}
