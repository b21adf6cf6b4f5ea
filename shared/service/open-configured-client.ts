// The CVAT client as the settings ask for it.

import type { Logger } from 'pino'
import { type CvatSettings, cvatCredentials } from '#shared/config/cvat.ts'
import { type CvatClient, type CvatClientOptions, openCvatClient } from '#shared/cvat/client.ts'

export function openConfiguredClient(
  settings: CvatSettings,
  logger: Logger,
  timeouts?: CvatClientOptions['timeouts'],
): CvatClient {
  return openCvatClient({
    url: settings.url,
    credentials: cvatCredentials(settings),
    organization: settings.organization,
    ca: settings.caFile?.pem,
    timeouts,
    logger,
  })
}
