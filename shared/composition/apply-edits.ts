// A stored archive's members as they will be in the composed one: under their new names, some with other content.

import { crc32 } from 'node:zlib'
import { BackupError } from '#shared/errors/backup-error.ts'
import { showName } from '#shared/store/check-entry.ts'
import type { FolderPart, MadePart, MemberEdit } from './composition-plan.ts'
import type { SourceMember } from './source-archive.ts'
import type { MemberFacts } from './zip-records.ts'

/** A member of the composed archive, and where its bytes come from: a stored member, or given here. */
export interface PlannedMember {
  readonly facts: MemberFacts
  readonly source?: SourceMember
  readonly content?: Buffer
}

/**
 * What a member that is made up here is like: the first moment that a zip can tell, since the bytes must not depend on the
 * clock, and the rights that CVAT gives to what it writes from memory (`-rw-------` without a file type).
 */
export const MADE_MEMBER = { modified: 0x0021_0000, externalAttributes: 0o600 * 0x10000 }

export function describeMade({ name, content }: MadePart): PlannedMember {
  return withContent({ ...MADE_MEMBER, name }, content)
}

/** @throws BackupError `no-such-member` after the last member, if an edit has found none */
export async function* applyEdits(
  members: AsyncIterable<SourceMember>,
  part: FolderPart,
): AsyncGenerator<PlannedMember> {
  const left = new Set(part.edits)
  const seen = new Map<string, number>()
  for await (const source of members) {
    const name = part.to + source.name.slice(part.folder.length)
    const edit = takeEdit(source.name, part.edits ?? [], seen)
    if (!edit) {
      yield { facts: { ...source, name }, source }
      continue
    }
    left.delete(edit)
    const newName = edit.fileName === undefined ? name : name.slice(0, name.lastIndexOf('/') + 1) + edit.fileName
    if (edit.text === undefined) yield { facts: { ...source, name: newName }, source }
    else yield withContent({ ...source, name: newName }, edit.text)
  }
  for (const { name } of left) {
    throw new BackupError(`${part.archivePath} holds no ${showName(name)} that could be changed`, {
      code: 'no-such-member',
      retryable: false,
    })
  }
}

/** Counts members of the names that are to be changed, of which there may be several. */
function takeEdit(name: string, edits: readonly MemberEdit[], seen: Map<string, number>): MemberEdit | undefined {
  const own = edits.filter((edit) => edit.name === name)
  if (own.length === 0) return undefined
  const number = seen.get(name) ?? 0
  seen.set(name, number + 1)
  return own.find(({ occurrence }) => occurrence === undefined || occurrence === number)
}

function withContent(
  like: Pick<MemberFacts, 'name' | 'modified' | 'externalAttributes'>,
  text: string | Uint8Array,
): PlannedMember {
  const content = Buffer.from(text as Uint8Array)
  const { name, modified, externalAttributes } = like
  const facts = { name, modified, externalAttributes, method: 0, crc32: crc32(content), sizeBytes: content.length }
  return { facts: { ...facts, compressedBytes: content.length }, content }
}
