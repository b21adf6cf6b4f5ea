// What a re-check of a stored archive says about it: a pure decision over the record and what was read back.

import type { Inspection } from './inspection.ts'
import { type ArchiveRecord, levelSchema, type Problem } from './record.ts'

/** The one problem that a re-check adds and a later re-check may take back: the bytes are not those of the backup. */
export const BIT_ROT = 'bit-rot'

/**
 * What a re-check finds wrong with a snapshot's part, or with the archive that has the media of this one, and takes back once it
 * is there and whole again.
 */
export const PART_PROBLEMS: ReadonlySet<string> = new Set(['part-missing', 'part-damaged'])

/** Whether a re-check has found other bytes than those of the backup. */
export function isRotten({ verification }: Pick<ArchiveRecord, 'verification'>): boolean {
  return verification.problems.some(({ code }) => code === BIT_ROT)
}

/** What was read back from the disk. */
export interface Evidence {
  readonly sizeBytes: number
  /** Absent when the size alone is wrong, so that nothing was read. */
  readonly sha256?: string | undefined
  /** What members and content look like; absent at level `whole`, or when the file cannot be opened as a zip. */
  readonly inspection?: Pick<Inspection, 'level' | 'problems' | 'warnings'> | undefined
  /** Why it could not be opened as a zip. */
  readonly unreadable?: string | undefined
  /** Of a snapshot: what is wrong with its parts; of an archive without media: with the one that has them. */
  readonly parts?: readonly Problem[] | undefined
}

export interface Judgement {
  /** `damaged`: other bytes than those of the backup. `wanting`: those bytes, but a check finds something new in them. */
  readonly verdict: 'intact' | 'damaged' | 'wanting'
  /** What this check has found that the record did not say before the re-check. */
  readonly found: readonly Problem[]
  readonly verification: Pick<ArchiveRecord['verification'], 'level' | 'problems' | 'warnings'>
}

/**
 * Size and SHA-256 decide alone whether the bytes are still those that were verified at backup time. If they are, the
 * level stays what it was then and every earlier problem and warning stays; checks that have become stricter since may
 * lower the level and add to both, never the reverse. If they are not, `bit-rot` is added and nothing else is changed, so
 * that the record is right again once the file was put back from another copy.
 */
export function judgeCheck(record: Pick<ArchiveRecord, 'archive' | 'verification'>, evidence: Evidence): Judgement {
  const { level, warnings } = record.verification
  const parts = evidence.parts ?? []
  const problems = [
    ...record.verification.problems.filter(
      ({ code }) => code !== BIT_ROT && !(evidence.parts && PART_PROBLEMS.has(code)),
    ),
    ...parts,
  ]
  const difference = describeDifference(record.archive, evidence)
  if (difference !== undefined) {
    const found: Problem = { code: BIT_ROT, message: `The file is no longer the one that was backed up: ${difference}` }
    return {
      verdict: 'damaged',
      found: [found, ...parts],
      verification: { level, problems: [...problems, found], warnings },
    }
  }
  if (parts.length > 0) return { verdict: 'damaged', found: parts, verification: { level, problems, warnings } }
  const { inspection } = evidence
  if (!inspection) return { verdict: 'intact', found: [], verification: { level, problems, warnings } }
  const found = withoutKnown(inspection.problems, problems)
  const verification = {
    level: lower(level, inspection.level),
    problems: [...problems, ...found],
    warnings: [...warnings, ...withoutKnown(inspection.warnings, warnings)],
  }
  return { verdict: found.length > 0 ? 'wanting' : 'intact', found, verification }
}

function describeDifference(archive: ArchiveRecord['archive'], evidence: Evidence): string | undefined {
  if (evidence.sizeBytes !== archive.sizeBytes) return `it has ${evidence.sizeBytes} bytes, not ${archive.sizeBytes}`
  if (evidence.sha256 === archive.sha256) return undefined
  const members = evidence.inspection?.problems ?? []
  const named = members.slice(0, 3).map(({ message }) => message)
  if (members.length > 3) named.push(`and ${members.length - 3} more`)
  if (evidence.unreadable !== undefined) named.push(evidence.unreadable)
  return ['its SHA-256 differs', ...named].join('; ')
}

function withoutKnown(found: readonly Problem[], known: readonly Problem[]): Problem[] {
  const keys = new Set(known.map(keyOf))
  return found.filter((problem) => !keys.has(keyOf(problem)))
}

/** Without the message: a later version may word it anew. */
function keyOf({ code, taskId }: Problem): string {
  return `${code} ${taskId ?? ''}`
}

/** Reading a file back cannot show all that was shown at backup time, so what is above `complete` is not lost by it. */
function lower(before: ArchiveRecord['verification']['level'], now: Inspection['level']) {
  const rank = (level: string) => levelSchema.options.indexOf(level as never)
  return now !== 'complete' && rank(now) < rank(before) ? now : before
}
