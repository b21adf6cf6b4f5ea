import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatEntity, parseEntity } from '#shared/model/entity.ts'

test('an entity reads back as it was written', () => {
  const entity = fc.record({
    type: fc.constantFrom('project' as const, 'task' as const),
    id: fc.integer({ min: 1, max: 999_999_999_999_999 }),
  })
  fc.assert(
    fc.property(entity, (ref) => {
      expect(parseEntity(formatEntity(ref))).toEqual(ref)
    }),
  )
})

test.each([
  'task-007',
  'task-0',
  'task--1',
  'project-6 (copy)',
  'project-6\n',
  ' project-6',
  'Project-6',
  'job-6',
  'project-',
  'project-1e3',
  'project-6.backup',
  '../project-6',
  'project-9999999999999999',
])('%j is no entity', (text) => {
  expect(parseEntity(text)).toBeUndefined()
})

test('whatever is taken for an entity is written the same again', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^(project|task)-[0-9 ]{0,17}$/), (text) => {
      const entity = parseEntity(text)
      if (entity) expect(formatEntity(entity)).toBe(text)
    }),
  )
})
