import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseEntityFilter } from '#services/scheduler/config.ts'
import { isAdmitted } from '#services/scheduler/match-filter.ts'
import type { Subject } from '#services/scheduler/subject.ts'

type Named = Pick<Subject, 'entity' | 'name' | 'project'>

const project = (name: string, id = 1): Named => ({ entity: { type: 'project', id }, name, project: undefined })
const loose = (name: string, id = 1): Named => ({ entity: { type: 'task', id }, name, project: undefined })
const taskOf = (projectName: string, projectId = 1, id = 50): Named => ({
  entity: { type: 'task', id },
  name: 'a task',
  project: { id: projectId, name: projectName },
})
const includes = (filter: string, subject: Named) =>
  isAdmitted(subject, { include: parseEntityFilter(filter), exclude: undefined })

describe('a pattern', () => {
  test.each([
    ['street', 'street'],
    ['STREET', 'street'],
    ['street*', 'street'],
    ['*street', 'street'],
    ['a*b*c', 'abbc'],
    ['caf\u00e9', 'CAFE\u0301'],
    ['\u03bf\u03b4\u03bf\u03c3', '\u039f\u0394\u039f\u03a3'],
    ['straße*', 'Straße 7'],
    ['street *', 'street 1'],
    ['*', ''],
    ['*', 'line\nbreak'],
    ['**lane**', 'fast lane keeping'],
    ['a?c', 'abc'],
    ['a?c', 'a\u{1F600}c'],
    ['a.c', 'a.c'],
    ['[draft] (1)+^$|{2}', '[draft] (1)+^$|{2}'],
    ['back\\slash', 'back\\slash'],
    ['one\\, two', 'one, two'],
    ['$&', '$&'],
  ])('%j admits %j', (pattern, name) => {
    expect(includes(pattern, project(name))).toBe(true)
  })

  test.each([
    ['street', 'street 1'],
    ['street', 'my street'],
    ['a?c', 'ac'],
    ['a.c', 'abc'],
    ['[ab]', 'a'],
    ['street?', 'street'],
    ['x*', 'a x'],
  ])('%j does not admit %j', (pattern, name) => {
    expect(includes(pattern, project(name))).toBe(false)
  })

  test('of letters, stars and question marks admits what the textbook definition admits', () => {
    const matches = (name: string, pattern: string): boolean => {
      if (pattern === '') return name === ''
      if (pattern[0] === '*') return matches(name, pattern.slice(1)) || (name !== '' && matches(name.slice(1), pattern))
      return name !== '' && (pattern[0] === '?' || pattern[0] === name[0]) && matches(name.slice(1), pattern.slice(1))
    }
    fc.assert(
      fc.property(fc.stringMatching(/^[ab]{0,8}$/), fc.stringMatching(/^[ab*?]{1,6}$/), (name, pattern) => {
        expect(includes(pattern, project(name))).toBe(matches(name, pattern))
      }),
    )
  })

  test('of many stars is answered at once, whatever the name', () => {
    const started = performance.now()
    expect(includes(`${'*a'.repeat(12)}*b`, project('a'.repeat(200)))).toBe(false)
    expect(performance.now() - started).toBeLessThan(1_000)
  })
})

describe('ids', () => {
  test('of projects admit the project and its tasks, not the task of that id', () => {
    expect(includes('id:12', project('x', 12))).toBe(true)
    expect(includes('project:12', taskOf('x', 12))).toBe(true)
    expect(includes('project:12', loose('x', 12))).toBe(false)
    expect(includes('project:12', project('x', 120))).toBe(false)
  })

  test('of tasks admit that task, in a project or not, and no project', () => {
    expect(includes('task:7', loose('x', 7))).toBe(true)
    expect(includes('task:7', taskOf('x', 1, 7))).toBe(true)
    expect(includes('task:7', project('x', 7))).toBe(false)
  })
})

test("a project's task is admitted by the project's name, never by its own; a loose one by its own", () => {
  expect(includes('street*', taskOf('street 1'))).toBe(true)
  expect(includes('a task', taskOf('street 1'))).toBe(false)
  expect(includes('loose*', loose('loose 3'))).toBe(true)
})

test('without filters everything is admitted, and what is excluded stays out though it is included too', () => {
  expect(isAdmitted(project('x'), { include: undefined, exclude: undefined })).toBe(true)
  const both = { include: parseEntityFilter('street*'), exclude: parseEntityFilter('*-test,id:9') }
  expect(isAdmitted(project('street 1'), both)).toBe(true)
  expect(isAdmitted(project('street-test'), both)).toBe(false)
  expect(isAdmitted(project('street 9', 9), both)).toBe(false)
})
