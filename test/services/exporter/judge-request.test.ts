import { describe, expect, test } from 'vitest'
import { explainFailedRequest, holdsObservedState, type RequestState } from '#services/exporter/judge-request.ts'
import type { Observation } from '#shared/model/observation.ts'

const observation: Observation = {
  name: 'x',
  organization: null,
  updatedDate: '2026-11-22T20:00:00Z',
  tasks: [
    {
      id: 1,
      name: 't',
      subset: '',
      size: 3,
      updatedDate: '2026-11-22T20:00:05.000002Z',
      jobCount: 1,
      newestJobDate: '2026-11-22T20:00:05Z',
    },
  ],
}
const request = (changes: Partial<RequestState>): RequestState => ({
  status: 'finished',
  message: '',
  startedDate: '2026-11-22T20:01:00Z',
  resultUrl: '/file',
  ...changes,
})

describe('an export holds what was observed', () => {
  test.each([
    ['when it began after the last change', '2026-11-22T20:00:05.000003Z', true],
    ['when it began at that very microsecond', '2026-11-22T20:00:05.000002Z', true],
    ['not when it began a microsecond before', '2026-11-22T20:00:05.000001Z', false],
    ['not when it began before the task changed, though after the project did', '2026-11-22T20:00:03Z', false],
    ['not when nobody knows when it began', null, false],
  ])('%s', (_, startedDate, expected) => {
    expect(holdsObservedState(request({ startedDate }), observation)).toBe(expected)
  })
})

describe('a failed export', () => {
  const explain = (message: string, attempt = 1) =>
    explainFailedRequest(request({ status: 'failed', message }), attempt)

  test.each([
    'Work-horse terminated unexpectedly; waitpid returned 9 (signal 9); ',
    'Moved to FailedJobRegistry, due to AbandonedJobError, at 2026-11-22 20:31:45',
  ])('whose worker died is tried again, however often: %s', (message) => {
    expect(explain(message, 7)).toMatchObject({ code: 'export-worker-died', retryable: true })
  })

  test('of something that was deleted is not tried again', () => {
    const message =
      "rest_framework.exceptions.ValidationError: [ErrorDetail(string='Such a project does not exist', code='invalid')]\n"
    expect(explain(message)).toMatchObject({ code: 'not-found', retryable: false })
  })

  test('for an unknown reason is tried three times, and the reason is told', () => {
    const message = 'Traceback (most recent call last):\n  File "x.py"\nValueError: bad thing\n'
    expect(explain(message, 2)).toMatchObject({ code: 'export-failed', retryable: true })
    expect(explain(message, 3)).toMatchObject({ code: 'export-failed', retryable: false })
    expect(explain(message).message).toContain('ValueError: bad thing')
    expect(explain('').message).toContain('no reason given')
  })
})
