// What is told, in the form in which the generic webhook gets it: docs/monitoring.md documents it.

import { z } from 'zod'
import { troubleSchema } from './alarm.ts'

export const changeSchema = z.object({
  /** `raised`: it is wrong now. `more`: more are concerned than was told. `cleared`: all is well again. */
  change: z.enum(['raised', 'more', 'cleared']),
  alarm: troubleSchema,
  /** Since when it is, or was, wrong; ISO 8601 UTC. */
  since: z.iso.datetime(),
})

export type Change = z.infer<typeof changeSchema>

const countsSchema = z.record(z.string(), z.int().nonnegative())

export const summarySchema = z.object({
  /** By kind (`backup`, `annotations`), how many are in each state; a kind of which nothing is known is missing. */
  entities: z.record(z.string(), countsSchema),
  /** The last run of everything that has ended, by mode. */
  runs: z.array(
    z.object({
      mode: z.string(),
      endedAt: z.iso.datetime(),
      ok: z.boolean(),
      done: z.int().nonnegative(),
      failed: z.int().nonnegative(),
    }),
  ),
  freeBytes: z.int().nonnegative().nullable(),
  lastVerification: z.iso.datetime().nullable(),
  lastDrill: z.object({ endedAt: z.iso.datetime(), ok: z.boolean() }).nullable(),
})

export type Summary = z.infer<typeof summarySchema>

export const messageSchema = z.object({
  formatVersion: z.literal(1),
  /** `alarm`: something got worse. `recovery`: all changes are for the better. */
  type: z.enum(['alarm', 'recovery', 'digest', 'test']),
  /** The same when it is sent again. */
  id: z.string(),
  /** ISO 8601 UTC. */
  at: z.iso.datetime(),
  /** CVAT_URL. */
  server: z.string(),
  /** One line, fit for a subject. */
  title: z.string(),
  changes: z.array(changeSchema),
  /** All that is wrong at the moment. */
  open: z.array(z.object({ alarm: troubleSchema, since: z.iso.datetime() })),
  /** In a digest. */
  summary: summarySchema.optional(),
})

export type Message = z.infer<typeof messageSchema>
