// Holds annotations.xml of two exports against each other, by lines.

import type { SourceArchive, SourceMember } from '#shared/composition/source-archive.ts'
import { splitLines } from '#shared/store/member-sinks.ts'
import { defaultZipLimits } from '#shared/store/zip-limits.ts'
import { collectDigests, digest } from './digest-multiset.ts'

export interface DocumentSide {
  readonly source: SourceArchive
  readonly member: SourceMember | undefined
}

/** Dates that differ in every export. */
const DATES = /^\s*<(dumped|updated)>/

/** Undefined when the lines are the same, in whatever order. */
export async function compareDocuments(
  before: DocumentSide,
  after: DocumentSide,
): Promise<{ readonly added: number; readonly removed: number } | undefined> {
  const [old, now] = [await digestLines(before), await digestLines(after)]
  const removed = old.without(now).size
  const added = now.without(old).size
  return added + removed === 0 ? undefined : { added, removed }
}

async function digestLines({ source, member }: DocumentSide) {
  const digests = collectDigests()
  const take = (line: string | undefined) => {
    if (line === undefined || !DATES.test(line)) digests.add(digest(line ?? 'too long'))
  }
  const sink = splitLines(defaultZipLimits.maxJsonBytes, take, () => {})
  if (member) await source.readContent(member, (chunk) => sink.push(chunk))
  sink.end()
  return digests.finish()
}
