import fc from 'fast-check'
import { expect, test } from 'vitest'
import { chooseShare } from '#services/sweeper/verify-share.ts'

test('a pass reads its share, less what it has read before it was interrupted', () => {
  expect(chooseShare({ archiveBytes: 3000, checkedBytes: 0 }, 30)).toBe(100)
  expect(chooseShare({ archiveBytes: 3000, checkedBytes: 60 }, 30)).toBe(40)
  expect(chooseShare({ archiveBytes: 3000, checkedBytes: 500 }, 30)).toBe(0)
  expect(chooseShare({ archiveBytes: 0, checkedBytes: 0 }, 30)).toBe(0)
})

test('so many passes as are set check every archive, whatever their sizes', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 1, maxLength: 60 })
  fc.assert(
    fc.property(sizes, fc.integer({ min: 1, max: 40 }), (stored, passes) => {
      const archiveBytes = stored.reduce((sum, size) => sum + size, 0)
      const queue = [...stored]
      for (let pass = 0; pass < passes; pass++) {
        // As a pass does it: the longest unchecked first, until the share is used up.
        let left = chooseShare({ archiveBytes, checkedBytes: 0 }, passes)
        while (left > 0 && queue.length > 0) left -= queue.shift()!
      }
      expect(queue).toEqual([])
    }),
  )
})
