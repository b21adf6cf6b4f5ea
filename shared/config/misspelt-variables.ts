// Finds variables that nobody reads but that look like one that is read, spelt wrongly: a silent typo loses backups.

import type { ConfigurationFault } from './configuration-error.ts'
import type { Environment } from './setting.ts'

const PREFIXES = ['CVAT_', 'BOARD_']
const MAX_EDITS = 2

/** One fault for each set variable with a prefix of the product's that is at most two edits away from a known name. */
export function findMisspeltVariables(env: Environment, known: readonly string[]): ConfigurationFault[] {
  return Object.entries(env).flatMap(([name, text]) => {
    if (!text || !PREFIXES.some((prefix) => name.startsWith(prefix)) || known.includes(name)) return []
    const nearest = known
      .map((candidate) => ({ candidate, edits: countEdits(name, candidate) }))
      .filter(({ candidate, edits }) => edits <= allowedEdits(candidate))
      .sort((a, b) => a.edits - b.edits)[0]
    if (!nearest) return []
    return [{ name, problem: `is not known; perhaps ${nearest.candidate} is meant`, fix: 'Rename or remove it' }]
  })
}

/** Two edits make any three-letter name from any other (CVAT_SSL is not a spelling of CVAT_URL), so short names get one. */
function allowedEdits(known: string): number {
  const prefix = PREFIXES.find((start) => known.startsWith(start)) ?? ''
  const distinctive = known.length - prefix.length
  return distinctive <= 4 ? 1 : MAX_EDITS
}

/** Edit distance with insertions, deletions, replacements and swaps of neighbours each counting one. */
export function countEdits(from: string, to: string): number {
  if (Math.abs(from.length - to.length) > MAX_EDITS) return MAX_EDITS + 1
  let beforeLast: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1]
      let edits = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + (same ? 0 : 1))
      const swapped = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      if (swapped) edits = Math.min(edits, beforeLast[column - 2]! + 1)
      current.push(edits)
    }
    beforeLast = last
    last = current
  }
  return last[to.length]!
}
