import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createAnswerError } from '#shared/cvat/answer-error.ts'
import { cleanLine, excerptAnswer } from '#shared/cvat/answer-text.ts'

describe("the server's own words", () => {
  it.each([
    ['{"detail":"No Project matches the given query."}', 'No Project matches the given query.'],
    ['["Unknown format specified for the request"]', 'Unknown format specified for the request'],
    [
      '"The exported file has expired, please retry exporting"',
      'The exported file has expired, please retry exporting',
    ],
    ['There is no request with specified id', 'There is no request with specified id'],
    ['<html>\r\n<head><title>502 Bad Gateway</title></head><body>x</body></html>', '502 Bad Gateway'],
    ['<!doctype html><p>hello', 'an HTML page'],
    [
      '{"non_field_errors":["Unable to log in with provided credentials."]}',
      'Unable to log in with provided credentials.',
    ],
    ['{"name":["This field is required."]}', 'name: This field is required.'],
    ['', ''],
  ])('are taken out of %s', (body, text) => {
    expect(excerptAnswer(body)).toBe(text)
  })

  it('hold no control characters, no line breaks and at most 200 characters, whatever comes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 400 }), fc.json()), (body) => {
        const text = excerptAnswer(body)
        expect(text).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u)
        expect([...text].length).toBeLessThanOrEqual(200)
      }),
    )
  })

  it('lose secrets that they repeat', () => {
    expect(excerptAnswer('{"detail":"token s3cret is bad, s3cret!"}', ['s3cret'])).toBe('token *** is bad, ***!')
  })

  it('are cut between characters', () => {
    expect(cleanLine('😀'.repeat(5), 3)).toBe('😀😀…')
  })
})

describe('an answer that is no success', () => {
  it('always has a code, and is retryable when the server is at fault', () => {
    fc.assert(
      fc.property(fc.integer({ min: 400, max: 599 }), fc.string({ maxLength: 50 }), (status, body) => {
        const fault = createAnswerError({ call: 'GET /api/x', status, body })
        expect(fault.code).toMatch(/^[a-z-]+$/)
        expect(fault.message).toContain(`GET /api/x: ${status}`)
        if (status >= 500 || status === 429) expect(fault.retryable).toBe(true)
      }),
    )
  })
})
