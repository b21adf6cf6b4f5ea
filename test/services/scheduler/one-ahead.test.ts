import fc from 'fast-check'
import { expect, test } from 'vitest'
import { oneAhead } from '#services/scheduler/one-ahead.ts'

async function* numbers(count: number, seen: (made: number) => void, failAt?: number, closed = () => {}) {
  try {
    for (let number = 1; number <= count; number++) {
      seen(number)
      await Promise.resolve()
      if (number === failAt) throw new Error(`${number} cannot be made`)
      yield number
    }
  } finally {
    closed()
  }
}

test('property: the items are the same, and never more than one is made beforehand', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(8), fc.nat(10), async (count, failAt) => {
      let made = 0
      const taken: number[] = []
      const take = async () => {
        for await (const number of oneAhead(numbers(count, (last) => (made = last), failAt))) {
          expect(made).toBeLessThanOrEqual(number + 1)
          taken.push(number)
        }
      }
      const fails = failAt >= 1 && failAt <= count
      await (fails ? expect(take()).rejects.toThrow(`${failAt} cannot be made`) : take())
      expect(taken).toEqual(Array.from({ length: fails ? failAt - 1 : count }, (_, index) => index + 1))
    }),
  )
})

test('who leaves early closes the source, whatever has become of the item that was being made', async () => {
  let isClosed = false
  const source = numbers(
    5,
    () => {},
    2,
    () => {
      isClosed = true
    },
  )
  for await (const number of oneAhead(source)) {
    expect(number).toBe(1)
    break
  }
  expect(isClosed).toBe(true)
})
