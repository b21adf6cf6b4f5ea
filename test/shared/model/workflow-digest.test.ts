import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type IssueFacts, type JobFacts, WorkflowTally } from '#shared/model/workflow-digest.ts'

const user = fc.option(fc.string(), { nil: null })
const job = fc.record<JobFacts>({
  id: fc.integer({ min: 1 }),
  type: fc.constantFrom('annotation', 'ground_truth'),
  stage: fc.constantFrom('annotation', 'validation', 'acceptance', null),
  state: fc.constantFrom('new', 'in progress', 'completed', 'rejected', null),
  assignee: user,
  updated_date: fc.string(),
  issues: fc.option(fc.nat(), { nil: null }),
})
const issue = fc.record<IssueFacts>({
  id: fc.integer({ min: 1 }),
  owner: user,
  assignee: user,
  updated_date: fc.option(fc.string(), { nil: null }),
  resolved: fc.boolean(),
  comments: fc.option(fc.nat(), { nil: null }),
})
const jobs = fc.uniqueArray(job, { selector: ({ id }) => id })
const issues = fc.uniqueArray(issue, { selector: ({ id }) => id })

function digest(ofJobs: readonly JobFacts[], ofIssues: readonly IssueFacts[], knowsIssues = true) {
  const tally = new WorkflowTally()
  for (const one of ofJobs) tally.addJob(one)
  for (const one of ofIssues) tally.addIssue(one)
  return tally.digest(knowsIssues)
}

describe('the digest of a workflow', () => {
  test('does not depend on the order in which rows come', () => {
    fc.assert(
      fc.property(jobs, issues, fc.infiniteStream(fc.nat()), (allJobs, allIssues, keys) => {
        const shuffle = <T>(all: readonly T[]) =>
          all
            .map((one) => ({ one, key: keys.next().value! }))
            .sort((a, b) => a.key - b.key)
            .map(({ one }) => one)
        expect(digest(shuffle(allJobs), shuffle(allIssues))).toEqual(digest(allJobs, allIssues))
      }),
    )
  })

  test('differs where one field of one row does, and only the part that the row is in', () => {
    fc.assert(
      fc.property(jobs, job, job, issues, (others, one, another, allIssues) => {
        fc.pre(JSON.stringify(one) !== JSON.stringify(another) && others.every(({ id }) => id !== one.id))
        const [a, b] = [digest([...others, one], allIssues), digest([...others, another], allIssues)]
        expect(a.rows).not.toBe(b.rows)
        expect(a.issues).toBe(b.issues)
      }),
    )
    fc.assert(
      fc.property(issues, issue, issue, (others, one, another) => {
        fc.pre(JSON.stringify(one) !== JSON.stringify(another))
        expect(digest([], [...others, one]).issues).not.toBe(digest([], [...others, another]).issues)
      }),
    )
  })

  test('sees a row too many or too few, also one that comes twice', () => {
    fc.assert(
      fc.property(jobs, job, (others, one) => {
        expect(digest([...others, one], []).rows).not.toBe(digest(others, []).rows)
        expect(digest([...others, one, one], []).rows).not.toBe(digest([...others, one], []).rows)
      }),
    )
  })

  test('says nothing of issues that are not known', () => {
    expect(digest([], [], false).issues).toBeNull()
    expect(digest([], []).issues).toBe('0'.repeat(32))
  })

  test('takes no text of one field for that of another', () => {
    const base = { id: 1, type: 'a', updated_date: '', issues: 0, stage: null, state: null, assignee: null }
    expect(digest([{ ...base, stage: 'x' }], []).rows).not.toBe(digest([{ ...base, state: 'x' }], []).rows)
    expect(digest([{ ...base, assignee: 'null' }], []).rows).not.toBe(digest([base], []).rows)
  })
})
