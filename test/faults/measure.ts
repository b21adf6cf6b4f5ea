// Notes what a scenario has found, for the table in docs/faults.md.

import { appendFile } from 'node:fs/promises'
import type { Findings } from './assert-nothing-lost.ts'
import { type Chance, startChance } from './seeded-random.ts'

export interface Result {
  readonly fault: string
  readonly seed: number
  /** How often the fault struck, where that is counted. */
  readonly strikes: number
  readonly entities: number
  readonly seconds: number
  readonly passed: boolean
  readonly archives?: number
  readonly lost?: number
  readonly torn?: number
  readonly doubled?: number
  /** Of the process that took the most. */
  readonly peakMemoryMegabytes?: number
  readonly error?: string
}

/** Runs the scenario and appends its result as a line to the file FAULTS_RESULTS, if that is set. */
export async function measure(
  about: Pick<Result, 'fault' | 'strikes' | 'entities'>,
  run: (chance: Chance) => Promise<Findings>,
): Promise<Findings> {
  const chance = startChance(about.fault)
  const startedAtMs = Date.now()
  const note = async (rest: Partial<Result> & Pick<Result, 'passed'>) => {
    const file = process.env.FAULTS_RESULTS
    const seconds = Math.round((Date.now() - startedAtMs) / 1000)
    const result: Result = { ...about, seed: chance.seed, seconds, ...rest }
    if (file) await appendFile(file, `${JSON.stringify(result)}\n`)
  }
  try {
    const found = await run(chance)
    const { lost, torn, doubled, archives, peakMemoryMegabytes } = found
    const counts = { lost: lost.length, torn: torn.length, doubled: doubled.length }
    await note({ passed: true, archives, ...counts, peakMemoryMegabytes })
    return found
  } catch (error) {
    await note({ passed: false, error: error instanceof Error ? error.message : String(error) })
    throw error
  }
}
