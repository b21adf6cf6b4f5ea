import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isGood, levelSchema, type Problem } from '#shared/store/record.ts'
import { type Evidence, judgeCheck } from '#shared/store/verify-judge.ts'

const level = fc.constantFrom(...levelSchema.options)
const code = fc.constantFrom('bit-rot', 'no-media', 'stale', 'may-be-stale', 'missing-task')
const problems: fc.Arbitrary<Problem[]> = fc.array(
  fc.oneof(
    fc.record({ code, message: fc.string() }),
    fc.record({ code, message: fc.string(), taskId: fc.integer({ min: 1, max: 3 }) }),
  ),
  { maxLength: 4 },
)
const record = fc.record({
  archive: fc.record({ fileName: fc.constant('a.zip'), sizeBytes: fc.integer({ min: 0, max: 2 }), sha256: code }),
  verification: fc.record({ level, problems, warnings: problems, checkedAt: fc.constant('2026-11-22T00:00:00.000Z') }),
})
const inspection = fc.record({ level, problems, warnings: problems })
const rank = (name: string) => levelSchema.options.indexOf(name as never)

test('a re-check never raises a level and never forgets what was found at backup time', () => {
  const evidence: fc.Arbitrary<Evidence> = fc.record(
    { sizeBytes: fc.integer({ min: 0, max: 2 }), sha256: code, inspection },
    { requiredKeys: ['sizeBytes'] },
  )
  fc.assert(
    fc.property(record, evidence, (before, found) => {
      const { verdict, verification } = judgeCheck(before, found)
      expect(rank(verification.level)).toBeLessThanOrEqual(rank(before.verification.level))
      const kept = before.verification.problems.filter((problem) => problem.code !== 'bit-rot')
      expect(verification.problems.slice(0, kept.length)).toEqual(kept)
      expect(verification.warnings.slice(0, before.verification.warnings.length)).toEqual(before.verification.warnings)
      const isSame = found.sizeBytes === before.archive.sizeBytes && found.sha256 === before.archive.sha256
      expect(verdict === 'damaged').toBe(!isSame)
      expect(verification.problems.filter((problem) => problem.code === 'bit-rot').length > 0 && isSame).toBe(
        isSame && (found.inspection?.problems ?? []).some((problem) => problem.code === 'bit-rot'),
      )
      if (!isSame) expect(isGood({ verification: { ...before.verification, ...verification } })).toBe(false)
    }),
  )
})

test('an intact archive keeps its level, one above what a file alone can show included', () => {
  const archive = { fileName: 'a.zip', sizeBytes: 1, sha256: 'a' }
  for (const before of levelSchema.options) {
    const verification = { level: before, problems: [], warnings: [], checkedAt: '2026-11-22T00:00:00.000Z' }
    const found = { level: 'complete', problems: [], warnings: [] } as const
    const judgement = judgeCheck({ archive, verification }, { sizeBytes: 1, sha256: 'a', inspection: found })
    expect(judgement).toEqual({
      verdict: 'intact',
      found: [],
      verification: { level: before, problems: [], warnings: [] },
    })
  }
})
