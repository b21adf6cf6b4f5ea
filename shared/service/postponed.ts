// What a handler throws when nothing is wrong with its job but the moment.

/** The job comes back after the delay, and no attempt is counted. The handler bounds how often; nothing else does. */
export class Postponed extends Error {
  readonly delayMs: number

  constructor(reason: string, delayMs: number) {
    super(reason)
    this.name = 'Postponed'
    this.delayMs = delayMs
  }
}
