import fc from 'fast-check'
import { expect, test } from 'vitest'
import { entityStates } from '#shared/overview/judge-entity.ts'
import type { OverviewRow } from '#shared/overview/open-overview.ts'
import { compareNames, selectRows, sortKeys } from '#shared/overview/select-rows.ts'

const optionalNumber = fc.option(fc.nat(1_000), { nil: undefined })
const rowArbitrary: fc.Arbitrary<OverviewRow> = fc
  .record({
    type: fc.constantFrom('project' as const, 'task' as const),
    id: fc.integer({ min: 1, max: 1_000_000 }),
    name: fc.constantFrom('a', 'B', 'street 10', 'street 9', ''),
    organization: fc.option(fc.constantFrom('robotics', 'maps'), { nil: null }),
    state: fc.constantFrom(...entityStates),
    protectedAtMs: optionalNumber,
    archivedAtMs: optionalNumber,
    sizeBytes: optionalNumber,
    archives: fc.nat(5),
    nextRunAtMs: optionalNumber,
    level: fc.constantFrom('whole', 'fresh', undefined),
  })
  .map(({ type, id, ...rest }) => ({
    key: `${type}-${id}`,
    entity: { type, id },
    serverUrl: 'https://cvat.example.com',
    link: undefined,
    reasons: [{ is: 'no-archive' } as const],
    seriesKeys: [],
    storedBytes: 0,
    mode: 'p' as const,
    ...rest,
  }))
const rowsArbitrary = fc
  .uniqueArray(rowArbitrary, { selector: ({ key }) => key, maxLength: 40 })
  .map((rows) => rows.sort(compareNames))

test('all pages together hold each row once, in one order, whatever is sorted by', () => {
  fc.assert(
    fc.property(
      rowsArbitrary,
      fc.constantFrom(...sortKeys),
      fc.boolean(),
      fc.integer({ min: 1, max: 7 }),
      (rows, sort, descending, size) => {
        const query = { sort, descending, size }
        const { pages } = selectRows(rows, { ...query, page: 1 })
        const paged = Array.from(
          { length: pages },
          (_, index) => selectRows(rows, { ...query, page: index + 1 }).rows,
        ).flat()
        const whole = selectRows(rows, { ...query, page: 1, size: 1_000 }).rows
        expect(paged.map(({ key }) => key)).toEqual(whole.map(({ key }) => key))
        expect(new Set(paged.map(({ key }) => key)).size).toBe(rows.length)
      },
    ),
  )
})

test('a page beyond the last gives the last, and the rows that were given are left in their order', () => {
  fc.assert(
    fc.property(rowsArbitrary, (rows) => {
      const before = rows.map(({ key }) => key)
      const { page, pages } = selectRows(rows, { sort: 'name', descending: false, page: 99, size: 3 })
      expect(page).toBe(pages)
      expect(rows.map(({ key }) => key)).toEqual(before)
    }),
  )
})

test('the worst come first unless something else is asked for', () => {
  fc.assert(
    fc.property(rowsArbitrary, (rows) => {
      const { rows: sorted } = selectRows(rows, { sort: 'state', descending: false, page: 1, size: 1_000 })
      const ranks = sorted.map(({ state }) => entityStates.indexOf(state))
      expect(ranks).toEqual([...ranks].sort((a, b) => a - b))
    }),
  )
})
