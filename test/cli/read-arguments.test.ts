import { describe, expect, test } from 'vitest'
import { readArguments, takeEntities } from '../../cli/read-arguments.ts'

describe('named entities', () => {
  test.each([
    [['--project', '3'], [], ['project 3']],
    [['--project', '3', '5', '--task', '7'], [], ['project 3', 'project 5', 'task 7']],
    [['--project=3', '--project=5'], [], ['project 3', 'project 5']],
    [['--project', '3,5'], [], ['project 3', 'project 5']],
    [['--task', '7', '--mode', 'p'], ['--mode', 'p'], ['task 7']],
    [['--mode', 't', '--project', '3', '--full'], ['--mode', 't', '--full'], ['project 3']],
  ])('%j leave %j', (args, rest, named) => {
    const taken = takeEntities(args)
    expect(taken.rest).toEqual(rest)
    expect(taken.entities?.map(({ type, id }) => `${type} ${id}`)).toEqual(named)
  })

  test('are undefined when there are none', () => {
    expect(takeEntities(['--mode', 'p'])).toEqual({ rest: ['--mode', 'p'], entities: undefined })
  })

  test.each([
    [['--project', 'street'], /street/],
    [['--project', '0'], /0/],
    [['--task', '-7'], /at least one id/],
    [['--project', '3.5'], /3\.5/],
    [['--project', '3,'], /none/],
    [['--project', '9999999999999999'], /whole numbers/],
    [['--project'], /at least one id/],
    [['--project', '--full'], /at least one id/],
    [['--project='], /whole numbers/],
  ])('%j are refused', (args, message) => {
    expect(() => takeEntities(args)).toThrow(message)
  })
})

describe('options', () => {
  const options = { mode: { type: 'string', short: 'm', default: 'p' }, full: { type: 'boolean' } } as const

  test('have their defaults and short forms', () => {
    expect(readArguments([], options).values.mode).toBe('p')
    expect(readArguments(['-m', 'a', '--full'], options).values).toMatchObject({ mode: 'a', full: true })
  })

  test.each([[['--unknown']], [['word']], [['--mode']], [['--full=yes']]])('%j is wrong usage, with a hint', (args) => {
    expect(() => readArguments(args, options)).toThrow(
      expect.objectContaining({ code: 'usage', hint: expect.any(String) }),
    )
  })
})
