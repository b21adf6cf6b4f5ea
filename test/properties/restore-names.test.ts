// The marked name, by which a restore knows its own: whatever people call their projects.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cutName, makeMark, markName } from '#services/restorer/mark-name.ts'
import { renameInJson } from '#services/restorer/rename-in-json.ts'

const names = fc.string({ unit: 'binary', minLength: 1, maxLength: 400 })
const entities = fc.record({ type: fc.constantFrom('project' as const, 'task' as const), id: fc.integer({ min: 1 }) })

/** As Python counts. */
const length = (text: string) => [...text].length

describe('a marked name', () => {
  test('fits into what CVAT allows, begins as the name does, and ends with the mark', () => {
    fc.assert(
      fc.property(names, entities, fc.string(), (name, entity, restoreId) => {
        const mark = makeMark(restoreId, entity)
        const marked = markName(name, mark)
        expect(length(marked)).toBeLessThanOrEqual(256)
        const suffix = ` [restore ${mark}]`
        expect(marked.endsWith(suffix)).toBe(true)
        expect(name.startsWith(marked.slice(0, -suffix.length))).toBe(true)
        expect(marked.isWellFormed()).toBe(name.isWellFormed() || marked.isWellFormed())
      }),
    )
  })

  test('is the same each time, and another for another restore or entity', () => {
    fc.assert(
      fc.property(entities, entities, fc.string(), fc.string(), (one, other, first, second) => {
        expect(makeMark(first, one)).toBe(makeMark(first, { ...one }))
        if (first !== second) expect(makeMark(first, one)).not.toBe(makeMark(second, one))
        if (one.type !== other.type || one.id !== other.id) {
          expect(makeMark(first, one)).not.toBe(makeMark(first, other))
        }
      }),
    )
  })

  test('cuts no character in two', () => {
    fc.assert(
      fc.property(names, fc.integer({ min: 1, max: 300 }), (name, most) => {
        const cut = cutName(name, most)
        expect(length(cut)).toBe(Math.min(length(name), most))
        expect([...name].slice(0, most).join('')).toBe(cut)
      }),
    )
  })
})

describe('the name in project.json', () => {
  test('is the only thing that changes, wherever else a name stands', () => {
    fc.assert(
      fc.property(names, names, fc.jsonValue(), fc.boolean(), (before, after, other, isFirst) => {
        const rest = { labels: [{ name: before }], other, number: 1 }
        const text = JSON.stringify(isFirst ? { name: before, ...rest } : { ...rest, name: before })
        expect(JSON.parse(renameInJson(text, after))).toEqual({ ...JSON.parse(text), name: after })
      }),
    )
  })

  test('leaves the rest of the text as CVAT wrote it', () => {
    fc.assert(
      fc.property(names, (name) => {
        const text = '{"name":"old \\" name","version":"1.0","ratio":1.0,"labels":[{"name":"old"}]}'
        expect(renameInJson(text, name)).toBe(text.replace('"old \\" name"', () => JSON.stringify(name)))
      }),
    )
  })
})
