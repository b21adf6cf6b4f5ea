// The real CVAT that the environment names, if it names one.

import { readFileSync } from 'node:fs'
import { type CvatClient, openCvatClient } from '#shared/cvat/client.ts'
import type { CvatCredentials } from '#shared/cvat/client-options.ts'

const { env } = process

export const liveUrl = env.CVAT_URL || undefined

/** An export changes nothing, but costs the server work and disk for a day. */
export const mayExport = env.CVAT_LIVE_EXPORT === '1'

export function openLiveClient(): CvatClient {
  return openCvatClient({
    url: liveUrl ?? '',
    credentials: readCredentials(),
    organization: env.CVAT_ORGANIZATION,
    ca: env.CVAT_CA_FILE ? readFileSync(env.CVAT_CA_FILE) : undefined,
  })
}

function readCredentials(): CvatCredentials {
  if (env.CVAT_ACCESS_TOKEN) return { accessToken: env.CVAT_ACCESS_TOKEN }
  return { username: env.CVAT_USERNAME ?? '', password: env.CVAT_PASSWORD ?? '' }
}
