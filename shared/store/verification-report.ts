// What the newest scheduled pass of verification found, as a status file.

import { z } from 'zod'

export const verificationReportSchema = z.looseObject({
  formatVersion: z.literal(1),
  type: z.literal('verification'),
  /** Our clock, ISO 8601 UTC. */
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime(),
  /** How many archives were read. */
  archives: z.int().nonnegative(),
  bytes: z.int().nonnegative(),
  damaged: z.int().nonnegative(),
  /** Could not be read; the next pass tries them first. */
  failed: z.int().nonnegative(),
  /** The first of both, each with what was found. */
  found: z.array(z.string()).default([]),
})

export type VerificationReport = z.infer<typeof verificationReportSchema>
