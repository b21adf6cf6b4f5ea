// What may be wrong, and what is known of it at one moment.

import { z } from 'zod'

/** Each of these may be open once; `run-failed` once for each mode. */
export const alarmKinds = [
  'run-failed',
  'never',
  'failed',
  'incomplete',
  'stale',
  'late',
  'verification-failed',
  'drill-failed',
  'disk-low',
  'cvat-unreachable',
  'redis-unreachable',
  'directory-unusable',
  'nothing-verified',
] as const

export type AlarmKind = (typeof alarmKinds)[number]

export const namedEntitySchema = z.object({
  /** `project-6`. */
  entity: z.string(),
  name: z.string(),
  /** `backup`, or `annotations`. */
  content: z.string(),
  /** Address in CVAT's own pages. */
  link: z.string(),
  reason: z.string(),
})

export type NamedEntity = z.infer<typeof namedEntitySchema>

export const troubleSchema = z.object({
  /** `late`, or `run-failed p`. */
  key: z.string(),
  kind: z.enum(alarmKinds),
  /** `critical`: something is not protected at all, or nothing may be. */
  severity: z.enum(['warning', 'critical']),
  /** One line without a name from the server. */
  title: z.string(),
  /** More about it, a sentence or none. */
  text: z.string().default(''),
  /** How many are concerned, where it is about several. */
  count: z.int().nonnegative().optional(),
  /** The first of them. */
  entities: z.array(namedEntitySchema).default([]),
  /** How many failed, by code. */
  failures: z.record(z.string(), z.int().nonnegative()).default({}),
})

export type Trouble = z.infer<typeof troubleSchema>

/** `unknown` changes nothing: it is neither told nor taken back. */
export type Finding =
  | {
      readonly is: 'bad'
      readonly trouble: Trouble /** It has to last so long before it is told. */
      readonly holdMs?: number
    }
  | { readonly is: 'good' | 'unknown'; readonly key: string }
