// What a drill makes of a record's verification: a pure decision.

import { type ArchiveRecord, type DrillProof, NOT_RESTORED } from './record.ts'

/** More differences than this are in the drill's report. */
const KEPT_DIFFERENCES = 20

/**
 * The proof is kept beside what checking had found, which stays. A drill that failed adds a problem, so that the archive does
 * not count as good any more and the next run backs up anew; one that went well takes an earlier drill's problem back.
 */
export function judgeDrill(
  verification: ArchiveRecord['verification'],
  proof: DrillProof,
): ArchiveRecord['verification'] {
  const problems = verification.problems.filter(({ code }) => code !== NOT_RESTORED)
  const drill = { ...proof, differences: proof.differences.slice(0, KEPT_DIFFERENCES) }
  if (proof.ok) return { ...verification, problems, drill }
  return { ...verification, problems: [...problems, { code: NOT_RESTORED, message: describeFailure(proof) }], drill }
}

/**
 * The archive as if no drill had found anything: what only a drill has found keeps nobody from trying once more. For
 * everything but a restore, {@link judgeDrill} stands.
 */
export function withoutDrillProblem<Archive extends { readonly record: ArchiveRecord }>(archive: Archive): Archive {
  const { record } = archive
  const problems = record.verification.problems.filter(({ code }) => code !== NOT_RESTORED)
  if (problems.length === record.verification.problems.length) return archive
  return { ...archive, record: { ...record, verification: { ...record.verification, problems } } }
}

function describeFailure({ at, target, targetVersion, reason, differences }: DrillProof): string {
  const where = `The drill of ${at.slice(0, 10)} on ${target} (CVAT ${targetVersion})`
  if (reason !== undefined) return `${where} could not restore it: ${reason}`
  const named = differences.slice(0, 3).map((one) => `${one.where} ${one.what}`)
  if (differences.length > 3) named.push(`and ${differences.length - 3} more`)
  return `${where} made something else of it: ${named.join('; ')}`
}
