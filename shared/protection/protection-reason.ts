// Why a project or task is in its state: what is known, without words. A page and a translation have their own, times in the
// reader's zone; `describeReason` is for logs, messages and programs.

export type ProtectionReason =
  | { readonly is: 'no-archive' | 'no-data' }
  /** `code` of the failure. */
  | { readonly is: 'attempt-failed'; readonly atMs: number; readonly code: string }
  /** Undefined: it was never found protected. */
  | { readonly is: 'overdue'; readonly lastAtMs: number | undefined; readonly dueAtMs: number }
  | { readonly is: 'found-protected'; readonly atMs: number }
  | {
      readonly is:
        | 'left-out'
        | 'not-listed'
        | 'nothing-listed'
        | 'archive-stale'
        | 'archive-damaged'
        | 'archive-partial'
    }
  | { readonly is: 'gone'; readonly atMs: number }

/** Words in English; `{at}` and `{due}` are times, `{code}` is that of a failure. */
export const reasonTexts = {
  'no-archive': 'there is no good archive',
  'no-data': 'the task has no data yet',
  'attempt-failed': 'the last attempt failed at {at}: {code}',
  overdue: 'last found protected at {at}, it was due by {due}',
  'overdue-never': 'never found protected, it was due by {due}',
  'found-protected': 'found protected at {at}',
  'left-out': 'the filters leave it out',
  'not-listed':
    'the last run of everything has not listed it: part of a project, of another server, or no longer backed up',
  'nothing-listed': 'no run has listed the server yet, so nothing is known but what is stored',
  'archive-stale': 'the newest archive is of an old state: CVAT served a file that it had kept',
  'archive-damaged': 'the newest archive is damaged',
  'archive-partial': 'the newest archive is not whole',
  gone: 'the server no longer has it (noticed at {at})',
} as const

export type ReasonTexts = Readonly<Record<keyof typeof reasonTexts, string>>

/** What stands in the place of `{at}`, `{due}` and `{code}`: milliseconds since 1970, or words. */
export interface ReasonValues {
  readonly at?: number | undefined
  readonly due?: number | undefined
  readonly code?: string | undefined
}

/** Which text it is, and what is put into it. */
export function explainReason(reason: ProtectionReason): {
  readonly text: keyof ReasonTexts
  readonly values: ReasonValues
} {
  switch (reason.is) {
    case 'attempt-failed':
      return { text: reason.is, values: { at: reason.atMs, code: reason.code } }
    case 'overdue':
      return reason.lastAtMs === undefined
        ? { text: 'overdue-never', values: { due: reason.dueAtMs } }
        : { text: 'overdue', values: { at: reason.lastAtMs, due: reason.dueAtMs } }
    case 'found-protected':
    case 'gone':
      return { text: reason.is, values: { at: reason.atMs } }
    default:
      return { text: reason.is, values: {} }
  }
}

/** In English, times as ISO 8601 UTC. */
export function describeReason(reason: ProtectionReason): string {
  const { text, values } = explainReason(reason)
  return reasonTexts[text].replaceAll(/\{(at|due|code)\}/g, (_, name: keyof ReasonValues) => {
    const value = values[name]
    return typeof value === 'number' ? new Date(value).toISOString() : (value ?? '')
  })
}
