// Faults of the server that is written to, with its own settings in them: the client was made for CVAT_URL.

import type { CvatClient } from '#shared/cvat/client.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import type { TargetServer } from './restore-work.ts'

const SETTINGS = /\bCVAT_(URL|USERNAME|PASSWORD|ACCESS_TOKEN|CA_FILE)\b/g

/**
 * Asks the target whether it is there and takes the login.
 *
 * @throws BackupError as checkServer, naming the target, and its own settings where it has a login of its own
 */
export async function checkTarget(
  target: Omit<TargetServer, 'cvat'> & { readonly cvat: Pick<CvatClient, 'checkServer'> },
  signal: AbortSignal,
): Promise<{ version: string }> {
  try {
    return await target.cvat.checkServer(signal)
  } catch (error) {
    signal.throwIfAborted()
    const named = nameOwnSettings(error, target)
    if (!(named instanceof BackupError)) throw named
    const { message, code, retryable, hint, retryAfterMs, cause } = named
    throw new BackupError(`The target ${target.url}: ${message}`, {
      ...{ code, retryable, retryAfterMs, cause },
      hint: `${hint ?? ''} Nothing was sent to it.`.trim(),
    })
  }
}

/** The error itself where it names no setting, or where that of CVAT_URL is the right one. */
export function nameOwnSettings(error: unknown, { hasOwnLogin }: Pick<TargetServer, 'hasOwnLogin'>): unknown {
  if (!hasOwnLogin || !(error instanceof BackupError)) return error
  const own = (text: string) => text.replaceAll(SETTINGS, 'CVAT_RESTORE_$1')
  const { code, retryable, retryAfterMs, cause } = error
  const [message, hint] = [own(error.message), error.hint === undefined ? undefined : own(error.hint)]
  if (message === error.message && hint === error.hint) return error
  return new BackupError(message, { code, retryable, hint, retryAfterMs, cause })
}
