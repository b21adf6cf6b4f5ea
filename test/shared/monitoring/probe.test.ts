import { expect, test } from 'vitest'
import { openProbe } from '#shared/monitoring/probe.ts'

const always = () => Number.POSITIVE_INFINITY

test('any number of questions at once become one, and its answer is given again while it is fresh', async () => {
  let asked = 0
  const probe = openProbe({ ask: async () => ++asked, limitMs: 5_000, freshMs: always })
  expect(await Promise.all([probe(), probe(), probe()])).toEqual(Array(3).fill({ ok: true, value: 1 }))
  expect(await probe()).toEqual({ ok: true, value: 1 })
  expect(asked).toBe(1)
})

test('what is no longer fresh is asked again', async () => {
  let asked = 0
  const probe = openProbe({ ask: async () => ++asked, limitMs: 5_000, freshMs: () => 0 })
  expect([await probe(), await probe()]).toEqual([
    { ok: true, value: 1 },
    { ok: true, value: 2 },
  ])
})

test('a question that hangs is answered at the limit, and no second one is begun beside it', async () => {
  let asked = 0
  let finish: (text: string) => void = () => undefined
  const ask = () => {
    asked++
    return new Promise<string>((resolve) => {
      finish = resolve
    })
  }
  const probe = openProbe({ ask, limitMs: 30, freshMs: always })
  const late = { ok: false, error: expect.objectContaining({ message: 'no answer within 0.03 s' }) }
  expect(await Promise.all([probe(), probe()])).toEqual([late, late])
  expect(await probe()).toEqual(late)
  expect(asked).toBe(1)
  finish('after all')
  await new Promise((resolve) => setImmediate(resolve))
  expect(await probe()).toEqual({ ok: true, value: 'after all' })
})

test('a failure is an answer', async () => {
  const probe = openProbe({ ask: () => Promise.reject(new Error('gone')), limitMs: 5_000, freshMs: always })
  expect(await probe()).toEqual({ ok: false, error: new Error('gone') })
})
