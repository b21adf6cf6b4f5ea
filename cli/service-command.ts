// One service as a command (`cvat-backups exporter`): what a container of the one image runs.

import { exitCodes } from './exit-codes.ts'
import { readArguments } from './read-arguments.ts'

export type ServiceName =
  | 'scheduler'
  | 'exporter'
  | 'downloader'
  | 'sweeper'
  | 'restorer'
  | 'listener'
  | 'notifier'
  | 'board'

/** The service's own entry does all the rest: it reads the settings of this service alone and ends the process itself. */
export function serviceCommand(name: ServiceName): (args: string[]) => Promise<number> {
  return async (args) => {
    readArguments(args, {})
    await import(`../services/${name}/main.ts`)
    return exitCodes.ok
  }
}
