// How much one scheduled pass reads: a pure decision.

import type { Scan } from '#shared/store/verify-scan.ts'

/**
 * Bytes that a pass has still to check, so that `passes` of them check everything that is stored. A pass ends with the
 * archive that reaches them: it checks its share at least, and one archive however large. What an earlier attempt of the
 * same pass has checked counts.
 */
export function chooseShare(scan: Pick<Scan, 'archiveBytes' | 'checkedBytes'>, passes: number): number {
  return Math.max(0, Math.ceil(scan.archiveBytes / passes) - scan.checkedBytes)
}
