// Takes back the removal of an archive that has the media of another one which is kept without. Pure.

import { basename } from 'node:path'
import { contentOfFile } from '#shared/store/archive-name.ts'
import type { Unrecognised } from '#shared/store/stored-archive.ts'
import type { RetentionDecision, RetentionSubject } from './plan-retention.ts'

/**
 * Decisions about the archives of one series; only removals change. What stays keeps the archive that it takes media from; so
 * does a record without archive, which recovery may finish. Of what cannot be read, and lacks its media by its name, nobody
 * knows where they are: then every whole archive stays.
 *
 * @param unrecognised what else lies in the folder
 */
export function protectMedia<Archive extends RetentionSubject>(
  decisions: readonly RetentionDecision<Archive>[],
  unrecognised: readonly Unrecognised[],
): RetentionDecision<Archive>[] {
  const kept = decisions.filter(({ action }) => action === 'keep').map(({ archive }) => archive.record)
  const named = new Set(
    [...kept, ...unrecognised.map(({ record }) => record)].flatMap(
      (record) => record?.mediaFrom?.fileName.normalize('NFC') ?? [],
    ),
  )
  const isUnclear = unrecognised.some(({ path, record }) => !record && lacksMedia(path))
  return decisions.map((decision) => {
    const { archive, mediaFrom } = decision.archive.record
    if (decision.action === 'keep' || mediaFrom) return decision
    const reasons = [
      ...(named.has(archive.fileName.normalize('NFC')) ? ['a kept archive takes its media from it'] : []),
      ...(isUnclear ? ['an archive that cannot be read may take its media from it'] : []),
    ]
    return reasons.length === 0 ? decision : { ...decision, action: 'keep', reasons }
  })
}

/**
 * Those without media first: so that none is there at any moment whose media have gone, whenever a sweep is broken off.
 */
export function removableOrder<Archive extends RetentionSubject>(
  decisions: readonly RetentionDecision<Archive>[],
): RetentionDecision<Archive>[] {
  const rank = ({ archive }: RetentionDecision<Archive>) => (archive.record.mediaFrom ? 0 : 1)
  return decisions.toSorted((a, b) => rank(a) - rank(b))
}

function lacksMedia(path: string): boolean {
  return contentOfFile(basename(path).replace(/\.json$/, '.zip')) === 'without-media'
}
