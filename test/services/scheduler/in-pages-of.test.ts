import fc from 'fast-check'
import { expect, test } from 'vitest'
import { inPagesOf } from '#services/scheduler/in-pages-of.ts'

async function* asSource(pages: readonly number[][]) {
  yield* pages
}

test('property: the items stay the same and in order, and only the last page may be shorter', async () => {
  const pages = fc.array(fc.array(fc.integer(), { maxLength: 12 }), { maxLength: 8 })
  await fc.assert(
    fc.asyncProperty(pages, fc.integer({ min: 1, max: 7 }), async (given, size) => {
      const found: number[][] = []
      for await (const page of inPagesOf(size, asSource(given))) found.push(page)
      expect(found.flat()).toEqual(given.flat())
      for (const page of found.slice(0, -1)) expect(page).toHaveLength(size)
      for (const page of found.slice(-1))
        expect(page.length).toSatisfy((length: number) => length > 0 && length <= size)
    }),
  )
})
