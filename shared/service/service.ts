// What every started service gives back.

import type { Check } from '#shared/monitoring/readiness.ts'

export interface Service {
  /** What it depends on besides Redis, for /readyz. */
  readonly checks?: readonly Check[]
  /** Stops taking jobs, hands unfinished ones back and closes what the service opened. */
  close(): Promise<void>
}
