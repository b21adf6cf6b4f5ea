// The name that a restored project or task has until it is done: by it, and by nothing else, it is known again.

import { createHash } from 'node:crypto'
import { type EntityRef, formatEntity } from '#shared/model/entity.ts'

/** CVAT's limit on names of projects and tasks, in characters. */
const LONGEST_NAME = 256

/** The same for the same restore and entity, so that a repeated handler finds its own. */
export function makeMark(restoreId: string, entity: EntityRef): string {
  return createHash('sha256')
    .update(`${restoreId} ${formatEntity(entity)}`)
    .digest('hex')
    .slice(0, 12)
}

/** `alpha [restore 1a2b3c4d5e6f]`, the name cut where both together are too long; of a drill `alpha [drill …]`. */
export function markName(name: string, mark: string, word: 'restore' | 'drill' = 'restore'): string {
  const suffix = ` [${word} ${mark}]`
  return `${cutName(name, LONGEST_NAME - suffix.length)}${suffix}`
}

/** Python counts code points where JavaScript counts halves of pairs, so this cuts between code points. */
export function cutName(name: string, length = LONGEST_NAME): string {
  const points = [...name]
  return points.length <= length ? name : points.slice(0, length).join('')
}
