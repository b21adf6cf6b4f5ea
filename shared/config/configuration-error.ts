// All that is wrong with the configuration in one error: an operator corrects everything in one go.

import { BackupError } from '#shared/errors/backup-error.ts'

export interface ConfigurationFault {
  /** Name of the variable. */
  readonly name: string
  /** Its text as it may be shown; absent when there is none. */
  readonly value?: string | undefined
  /** What is wrong, going on from the name: `is not a whole number from 1 to 64`. */
  readonly problem: string
  /** What to do about it, an imperative sentence without a full stop. */
  readonly fix: string
}

/** Lists every fault of the configuration; holds no secret. */
export class ConfigurationError extends BackupError {
  readonly faults: readonly ConfigurationFault[]

  constructor(faults: readonly ConfigurationFault[]) {
    super(
      `The configuration has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n${formatFaults(faults)}`,
      {
        code: 'configuration',
        retryable: false,
        hint: 'Correct the variables named above; docs/configuration.md describes each.',
      },
    )
    this.name = 'ConfigurationError'
    this.faults = faults
  }
}

function formatFaults(faults: readonly ConfigurationFault[]): string {
  return faults
    .map(({ name, value, problem, fix }) => {
      const shown = value === undefined ? '' : ` (${value})`
      return `- ${name}${shown} ${problem}. ${fix}.`
    })
    .join('\n')
}
