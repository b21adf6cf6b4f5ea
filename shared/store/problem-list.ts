// Collects findings without growing with the archive: after a hundred only their number goes on counting.

import type { Problem } from './record.ts'

const MAX_LISTED = 100

export class ProblemList {
  readonly #listed: Problem[] = []
  #count = 0

  get count(): number {
    return this.#count
  }

  add(...problems: readonly Problem[]): void {
    this.#count += problems.length
    for (const problem of problems) if (this.#listed.length < MAX_LISTED) this.#listed.push(problem)
  }

  /** The first hundred, and one more that tells how many there are beyond. */
  list(): Problem[] {
    const more = this.#count - this.#listed.length
    return more > 0 ? [...this.#listed, { code: 'more', message: `and ${more} more` }] : [...this.#listed]
  }
}
