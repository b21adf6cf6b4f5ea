// What every started service gives back.

export interface Service {
  /** Stops taking jobs, hands unfinished ones back and closes what the service opened. */
  close(): Promise<void>
}
