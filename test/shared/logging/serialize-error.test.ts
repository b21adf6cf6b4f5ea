import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { BackupError } from '#shared/errors/backup-error.ts'
import { serializeError } from '#shared/logging/serialize-error.ts'

test('an error keeps code, hint and its chain of causes', () => {
  let cause: unknown
  try {
    readFileSync('/nowhere/at/all')
  } catch (error) {
    cause = error
  }
  const error = new BackupError('the export failed', {
    code: 'export-failed',
    retryable: true,
    hint: 'Wait.',
    retryAfterMs: 5,
    cause,
  })
  expect(serializeError(error)).toMatchObject({
    type: 'BackupError',
    message: 'the export failed',
    code: 'export-failed',
    hint: 'Wait.',
    retryable: true,
    retryAfterMs: 5,
    stack: expect.stringContaining('serialize-error.test'),
    cause: { type: 'Error', code: 'ENOENT', syscall: 'open', path: '/nowhere/at/all' },
  })
})

test('fields that are not known to help are left out', () => {
  const error = Object.assign(new Error('x'), {
    request: { body: 'hunter-two' },
    command: ['AUTH', 'hunter-two'],
    code: {},
  })
  expect(JSON.stringify(serializeError(error))).not.toContain('hunter-two')
})

test('the errors of an AggregateError are kept', () => {
  const error = new AggregateError([new Error('IPv4'), new Error('IPv6')], 'connect')
  expect(serializeError(error).errors?.map(({ message }) => message)).toEqual(['IPv4', 'IPv6'])
})

test('a chain that turns back on itself or is very long comes to an end', () => {
  const inner = new Error('inner')
  const outer = new Error('outer', { cause: inner })
  inner.cause = outer
  expect(serializeError(outer).cause?.cause).toBeUndefined()

  let long = new Error('0')
  for (let index = 1; index < 1000; index++) long = new Error(String(index), { cause: long })
  expect(JSON.stringify(serializeError(long)).match(/"message"/g)).toHaveLength(9)
})

test.each<[unknown, string, string]>([
  ['text', 'string', 'text'],
  [undefined, 'undefined', 'undefined'],
  [{ a: 1 }, 'object', '{"a":1}'],
  [null, 'object', 'null'],
  [5n, 'bigint', '5'],
  [{ n: 5n }, 'object', '[object Object]'],
])('what is thrown may be %s', (thrown, type, message) => {
  expect(serializeError(thrown)).toEqual({ type, message })
})
