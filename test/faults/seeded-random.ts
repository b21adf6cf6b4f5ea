// Chance that can be repeated: FAULTS_SEED=NUMBER gives the same choices again.

export interface Chance {
  readonly seed: number
  /** From 0 to below 1. */
  next(): number
  /** A whole number from `min` to `max`, both included. */
  between(min: number, max: number): number
  pick<T>(items: readonly T[]): T
}

/** Prints the seed, so that a failure can be repeated as far as processes and clocks allow. */
export function startChance(scenario: string, given = process.env.FAULTS_SEED): Chance {
  const seed = given ? Number(given) : Math.floor(Math.random() * 2 ** 31)
  process.stdout.write(`${scenario}: FAULTS_SEED=${seed}\n`)
  return seededChance(seed)
}

export function seededChance(seed: number): Chance {
  let state = seed >>> 0
  // The generator mulberry32.
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const between = (min: number, max: number) => min + Math.floor(next() * (max - min + 1))
  return { seed, next, between, pick: (items) => items[between(0, items.length - 1)]! }
}
