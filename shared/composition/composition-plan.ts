// A zip that exists only as a plan: which members of which stored archives, under which names, in which order.

/** Plain data: it can be written down and read again, and the same plan over the same archives is the same bytes. */
export interface CompositionPlan {
  readonly parts: readonly CompositionPart[]
}

export type CompositionPart = FolderPart | MadePart

/** All members of one folder of a stored archive, in their order. */
export interface FolderPart {
  readonly archivePath: string
  /** What the file must have; its bytes are the caller's to check, once, before a plan is used. */
  readonly archiveBytes: number
  /** `''` for what lies in no task's folder, `task_N/`. */
  readonly folder: string
  /** What takes the place of `folder` at the start of the names. */
  readonly to: string
  readonly edits?: readonly MemberEdit[]
}

/** A change of one member. Each must find its member, so that no repair is left out without a word. */
export interface MemberEdit {
  /** The member's name in the stored archive. */
  readonly name: string
  /** Which of several members of this name, from 0; all of them if absent. */
  readonly occurrence?: number
  /** Its last part in the composed archive, where that is to be another. */
  readonly fileName?: string
  /** What takes the place of its content. */
  readonly text?: string
}

/** A small member made up here. */
export interface MadePart {
  readonly name: string
  readonly content: string | Uint8Array
}

export function isMade(part: CompositionPart): part is MadePart {
  return 'content' in part
}

/** What a plan needs to know of a stored archive. */
export interface ArchiveFile {
  readonly archivePath: string
  readonly record: { readonly archive: { readonly sizeBytes: number } }
}

/** One folder of a stored archive under another name. */
export function planFolder(archive: ArchiveFile, folder: string, to: string): FolderPart {
  return { archivePath: archive.archivePath, archiveBytes: archive.record.archive.sizeBytes, folder, to }
}

/**
 * One task of a project's archive as CVAT would have backed it up by itself: the members of `task_N/` without that
 * prefix. They are the same to the CRC on CVAT 2.64.1, labels included; the project's guide is in neither.
 */
export function planTaskExtraction(archive: ArchiveFile, position: number): CompositionPlan {
  return { parts: [planFolder(archive, `task_${position}/`, '')] }
}

/** The plan with changes to members of one of its archives. Edits of folders that are not in the plan are left out. */
export function withEdits(plan: CompositionPlan, archivePath: string, edits: readonly FolderEdits[]): CompositionPlan {
  const byFolder = new Map(edits.map(({ folder, edits: own }) => [folder, own]))
  const parts = plan.parts.map((part): CompositionPart => {
    const own = isMade(part) || part.archivePath !== archivePath ? undefined : byFolder.get(part.folder)
    return own && own.length > 0 ? { ...(part as FolderPart), edits: own } : part
  })
  return { parts }
}

/** The changes to one folder of a stored archive. */
export interface FolderEdits {
  readonly folder: string
  readonly edits: readonly MemberEdit[]
}
