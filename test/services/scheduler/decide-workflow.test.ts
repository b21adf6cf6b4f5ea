import fc from 'fast-check'
import { expect, test } from 'vitest'
import { describeWorkflowChange } from '#services/scheduler/decide-workflow.ts'

const takenAt = '2026-11-22T21:00:00.000Z'
const present = { rows: 'a', issues: 'b' }

test('what was never noted is noted', () => {
  expect(describeWorkflowChange(present, undefined)).toMatch(/never noted/)
})

test('what is as it was noted is not noted again', () => {
  expect(describeWorkflowChange(present, { digest: present, takenAt })).toBeUndefined()
})

test('a change is named, with the time of what it is a change of', () => {
  const last = { digest: present, takenAt }
  expect(describeWorkflowChange({ ...present, rows: 'c' }, last)).toBe(
    `stages, states or assignees changed since ${takenAt}`,
  )
  expect(describeWorkflowChange({ ...present, issues: 'c' }, last)).toBe(`issues changed since ${takenAt}`)
})

test('issues that cannot be listed now are no change; those that could not be read then are one', () => {
  expect(describeWorkflowChange({ ...present, issues: null }, { digest: present, takenAt })).toBeUndefined()
  const blind = { digest: { ...present, issues: null }, takenAt }
  expect(describeWorkflowChange(present, blind)).toBe('its issues can be read now')
  expect(describeWorkflowChange({ ...present, issues: null }, blind)).toBeUndefined()
})

test('for any digests: a difference that is known on both sides is a reason, and sameness is none', () => {
  const part = fc.constantFrom('a', 'b', 'c')
  const digest = fc.record({ rows: part, issues: fc.option(part, { nil: null }) })
  fc.assert(
    fc.property(digest, digest, (now, then) => {
      const differs = now.rows !== then.rows || (now.issues !== null && now.issues !== then.issues)
      expect(describeWorkflowChange(now, { digest: then, takenAt }) !== undefined).toBe(differs)
    }),
  )
})
