// What a scenario is, what it gives back, and how its numbers are summed up.

/** `smoke` only shows that a scenario runs; `full` has the sizes that the aims are stated for. */
export type Size = 'smoke' | 'default' | 'full'

export interface Bench {
  readonly size: Size
  /** How often each side is measured, one after the other in turn. */
  readonly rounds: number
  /** An empty folder for the scenario alone, removed afterwards. */
  readonly folder: string
  readonly signal: AbortSignal
  /** Before each measurement of files the page cache is emptied: everybody else on the machine feels it. */
  readonly dropsCaches: boolean
  say(text: string): void
}

export interface Row {
  readonly what: string
  readonly aim: string
  readonly unit: string
  /** One a round, as measured. */
  readonly values: readonly number[]
  /** What it is compared with, measured in the same rounds. */
  readonly baseline?: { readonly what: string; readonly values: readonly number[] }
  /** The aim in numbers: of the median, or of the median ratio to the baseline. Absent: shown, not judged. */
  readonly limit?: { readonly of: 'value' | 'ratio'; readonly most: number }
  /** Shown beside a miss. */
  readonly whenMissed?: string
}

export interface Outcome {
  /** Sizes and settings that the numbers hold for. */
  readonly settings: Readonly<Record<string, number | string | boolean>>
  readonly rows: readonly Row[]
  /** Whatever else was measured: kept with the results, in no table. */
  readonly details?: unknown
}

export interface Scenario {
  readonly name: string
  readonly about: string
  /** Programs besides those that the tests need. A smoke run leaves the scenario out where they are missing, any other fails. */
  readonly needs?: readonly string[]
  run(bench: Bench): Promise<Outcome>
}

export interface Spread {
  readonly min: number
  readonly median: number
  readonly max: number
}

/** @throws RangeError for no values */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) throw new RangeError('There is no spread of no values')
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
  return { min: sorted[0]!, median, max: sorted.at(-1)! }
}

/** Of each round by itself: what else the machine does in a round slows both sides. Undefined without a baseline, or with one of 0. */
export function ratioOf({ values, baseline }: Row): Spread | undefined {
  if (!baseline || baseline.values.includes(0)) return undefined
  return spreadOf(values.map((value, round) => value / baseline.values[round]!))
}

/** `met`, `missed`, or undefined for what is only shown. */
export function judge(row: Row): 'met' | 'missed' | undefined {
  if (!row.limit) return undefined
  const spread = row.limit.of === 'ratio' ? ratioOf(row) : spreadOf(row.values)
  return spread !== undefined && spread.median <= row.limit.most ? 'met' : 'missed'
}

/** Runs both sides in each round, and begins with the other one each time: neither always finds the caches warm. */
export async function inTurn<A, B>(
  rounds: number,
  first: (round: number) => Promise<A>,
  second: (round: number) => Promise<B>,
): Promise<{ first: A[]; second: B[] }> {
  const results = { first: [] as A[], second: [] as B[] }
  for (let round = 0; round < rounds; round++) {
    const sides = [
      async () => void results.first.push(await first(round)),
      async () => void results.second.push(await second(round)),
    ]
    for (const side of round % 2 === 0 ? sides : sides.reverse()) await side()
  }
  return results
}
