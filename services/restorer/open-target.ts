// The server that is restored to, as restores and drills see it.

import type { Logger } from 'pino'
import type { RestoreTarget } from '#shared/config/restore.ts'
import { openCvatClient } from '#shared/cvat/client.ts'
import type { TargetServer } from './restore-work.ts'

/** Nothing is sent before something is asked of its client, which is to be closed. The login is in the client alone. */
export function openTarget({ url, credentials, ca, hasOwnLogin }: RestoreTarget, logger: Logger): TargetServer {
  return { url, hasOwnLogin, cvat: openCvatClient({ url, credentials, ca, logger }) }
}
