// Asks the server that is to be written to whether it is there and takes the login, and names it where it does not.

import type { RestoreTarget } from '#shared/config/restore.ts'
import type { CvatClient } from '#shared/cvat/client.ts'
import { BackupError } from '#shared/errors/backup-error.ts'

/** Of the hints of the client, which was made for CVAT_URL: the target has settings of its own. */
const OWN = /\bCVAT_(URL|USERNAME|PASSWORD|ACCESS_TOKEN|CA_FILE)\b/g

/** @throws BackupError as checkServer, naming the target, and its own settings where it has a login of its own */
export async function checkTarget(
  cvat: Pick<CvatClient, 'checkServer'>,
  { url, hasOwnLogin }: Pick<RestoreTarget, 'url' | 'hasOwnLogin'>,
  signal: AbortSignal,
): Promise<{ version: string }> {
  try {
    return await cvat.checkServer(signal)
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof BackupError)) throw error
    const { message, code, retryable, hint } = error
    const own = (text: string) => (hasOwnLogin ? text.replaceAll(OWN, 'CVAT_RESTORE_$1') : text)
    throw new BackupError(`The target ${url}: ${own(message)}`, {
      code,
      retryable,
      hint: `${own(hint ?? '')} Nothing was sent to it.`.trim(),
      cause: error.cause,
    })
  }
}
