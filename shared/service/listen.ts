// Opens the port of an HTTP server, or says which setting keeps it closed.

import { once } from 'node:events'
import type { Server } from 'node:http'
import { BackupError, describeError } from '#shared/errors/backup-error.ts'

export interface Place {
  /** Who listens, for the message: `the board`. */
  readonly who: string
  readonly host: string
  readonly port: number
  /** The names of the settings that these come from. */
  readonly settings: { readonly host: string; readonly port: string }
  /** Another way out than a port that is free: `, or to «off» to run without the board`. */
  readonly orElse?: string
}

/** @throws BackupError `configuration`, with the setting to change, when the port cannot be opened */
export async function listen(server: Server, place: Place): Promise<void> {
  server.listen({ host: place.host, port: place.port, exclusive: true })
  try {
    await once(server, 'listening')
  } catch (error) {
    const { problem, hint } = explain(error as NodeJS.ErrnoException, place)
    throw new BackupError(`${place.who} cannot listen on ${place.host} port ${place.port}: ${problem}`, {
      code: 'configuration',
      retryable: false,
      hint,
      cause: error,
    })
  }
}

function explain(error: NodeJS.ErrnoException, { settings, orElse = '' }: Place): { problem: string; hint: string } {
  switch (error.code) {
    case 'EADDRINUSE':
      return {
        problem: 'another program has this port',
        hint: `Set ${settings.port} to a port that is free${orElse}.`,
      }
    case 'EACCES':
      return { problem: 'this user may not', hint: `Set ${settings.port} to a port above 1023.` }
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return {
        problem: 'this machine has no such address',
        hint: `Set ${settings.host} to an address of this machine, or to 0.0.0.0.`,
      }
    default:
      return { problem: describeError(error), hint: `Change ${settings.host} or ${settings.port}.` }
  }
}
