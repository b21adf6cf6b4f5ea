import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { openRowSplitter } from '#shared/cvat/split-rows.ts'

/** Takes the text apart in chunks of these sizes, over and over. */
function split(text: string, chunkSizes: readonly number[] = [Number.POSITIVE_INFINITY]) {
  const rows: string[] = []
  const splitter = openRowSplitter((row) => rows.push(row))
  const bytes = Buffer.from(text)
  for (let at = 0, index = 0; at < bytes.length; index++) {
    const end = Math.min(bytes.length, at + chunkSizes[index % chunkSizes.length]!)
    // What was handed over is used again by whoever reads.
    const chunk = Buffer.from(bytes.subarray(at, end))
    splitter.push(chunk)
    chunk.fill(0)
    at = end
  }
  return { rows, rest: splitter.end() }
}

test('property: however it is cut, a list is taken apart into its rows and what is around them', () => {
  const chunkSizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 })
  const row = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ maxDepth: 3 }))
  const list = fc.record({
    count: fc.nat(),
    next: fc.option(fc.oneof(fc.webUrl(), fc.constant('results'))),
    previous: fc.jsonValue({ maxDepth: 3 }),
    results: fc.array(row, { maxLength: 6 }),
    more: fc.constant({ results: [{ id: 1 }] }),
  })
  fc.assert(
    fc.property(list, chunkSizes, fc.constantFrom(undefined, 2), (value, sizes, indent) => {
      const { rows, rest } = split(JSON.stringify(value, null, indent), sizes)
      expect(rows.map((text) => JSON.parse(text))).toEqual(JSON.parse(JSON.stringify(value.results)))
      expect(JSON.parse(rest)).toEqual(JSON.parse(JSON.stringify({ ...value, results: [] })))
    }),
    { numRuns: 200 },
  )
})

test('property: what is no list comes back whole', () => {
  const chunkSizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 })
  const text = fc.oneof(
    fc.string({ unit: 'binary' }).filter((any) => !any.includes('results')),
    fc.constantFrom('<html>{"a": [1]}</html>', '"results": [{}]', '[{"results": [{}]}]', '{"results": {"a": [{}]}}'),
  )
  fc.assert(
    fc.property(text, chunkSizes, (whole, sizes) => {
      expect(split(whole, sizes)).toEqual({ rows: [], rest: Buffer.from(whole).toString('utf8') })
    }),
  )
})

describe('what is broken stays broken in what is left', () => {
  it.each([
    ['a row that is cut off', '{"next":null,"results":[{"id":1},{"id":2', ['{"id":1}']],
    ['a list that is cut off', '{"next":null,"results":[{"id":1},', ['{"id":1}']],
    ['something between the rows', '{"results":[{"id":1} x {"id":2}]}', ['{"id":1}', '{"id":2}']],
  ])('%s', (_, text, rows) => {
    const found = split(text, [3])
    expect(found.rows).toEqual(rows)
    expect(() => JSON.parse(found.rest)).toThrow(SyntaxError)
  })

  it('keeps rows that are no objects, which no schema takes', () => {
    expect(JSON.parse(split('{"results":[[{"id":1}]]}').rest)).toEqual({ results: [[{ id: 1 }]] })
    expect(JSON.parse(split('{"results":[17]}').rest)).toEqual({ results: [17] })
  })
})
