// What two stored archives of one entity differ in, by the code of `diff`.

import { type Comparison, compareArchives } from '#shared/comparison/compare-archives.ts'
import type { EntityRef } from '#shared/model/entity.ts'
import { findStored } from './actions.ts'
import type { BoardData } from './board-data.ts'
import { texts } from './texts.ts'
import { toldError } from './told-error.ts'

export interface StoredComparison {
  readonly before: string
  readonly after: string
  /** The first thousand. */
  readonly differences: readonly Exclude<Comparison, { what: 'end' }>[]
  readonly tasksCompared: number
  readonly differing: number
}

const DIFFERENCES_NAMED = 1_000

/** Reads both archives, so one at a time for all visitors. */
export function openComparer(data: Pick<BoardData, 'store'>) {
  let isBusy = false
  return async (entity: EntityRef, before: string, after: string, signal: AbortSignal): Promise<StoredComparison> => {
    const [first, second] = [await findStored(data, entity, before), await findStored(data, entity, after)]
    const kinds = [first, second].map(({ record }) => JSON.stringify(record.series.content))
    if (kinds[0] !== kinds[1]) throw toldError(400, texts.refused.unlike)
    if (isBusy) throw toldError(409, texts.refused.comparing)
    isBusy = true
    try {
      const differences: Exclude<Comparison, { what: 'end' }>[] = []
      const sides = [first, second].map(({ archivePath, record }) => {
        return { path: archivePath, perTask: record.members.perTask }
      })
      for await (const found of compareArchives(sides[0]!, sides[1]!, { signal })) {
        if (found.what === 'end') {
          const { tasksCompared, differing } = found
          return { before, after, differences, tasksCompared, differing }
        }
        if (differences.length < DIFFERENCES_NAMED) differences.push(found)
      }
      throw new Error('the comparison has no end')
    } finally {
      isBusy = false
    }
  }
}
