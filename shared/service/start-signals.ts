// How a process is asked to stop, and what happens if it does not.

/** A service that is asked to stop hands its work back well within this time; containers are killed after ten seconds. */
const STOP_WITHIN_MS = 9_000

/**
 * Resolves at the first SIGINT or SIGTERM. From then on the process exits by force at a second signal, or when stopping
 * takes too long: a lock then expires and another process takes the work up.
 */
export function untilAskedToStop(): Promise<'SIGINT' | 'SIGTERM'> {
  return new Promise((resolve) => {
    let asked = false
    const onSignal = (signal: 'SIGINT' | 'SIGTERM') => {
      if (asked) process.exit(signal === 'SIGINT' ? 130 : 143)
      asked = true
      setTimeout(() => process.exit(1), STOP_WITHIN_MS).unref()
      resolve(signal)
    }
    process.on('SIGINT', onSignal)
    process.on('SIGTERM', onSignal)
  })
}
