import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SeenIds } from '#services/scheduler/seen-ids.ts'

const entity = fc.record({
  type: fc.constantFrom('project' as const, 'task' as const),
  id: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
})
const near = fc.record({
  type: fc.constantFrom('project' as const, 'task' as const),
  id: fc.integer({ min: 1, max: 9_000 }),
})

test('exactly what was seen counts as seen', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(entity, near)), fc.array(fc.oneof(entity, near)), (shown, asked) => {
      const seen = new SeenIds()
      const names = new Set(shown.map(({ type, id }) => `${type} ${id}`))
      for (const each of shown) seen.add(each)
      for (const each of [...shown, ...asked]) expect(seen.has(each)).toBe(names.has(`${each.type} ${each.id}`))
    }),
  )
})
