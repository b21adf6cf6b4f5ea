// Bodies of answers are checked where they come in; nothing of them but the name of the unfitting field gets out.

import type { z } from 'zod'
import { BackupError } from '#shared/errors/backup-error.ts'

/**
 * The body as the schema describes it.
 *
 * @throws BackupError `unexpected-answer`, naming call and field; retryable with a 5xx status and where a page came instead
 */
export function parseAnswer<T>(
  body: string,
  schema: z.ZodType<T>,
  answer: { call: string; status: number },
  /** Where in the answer it lay, for messages. */
  place?: string,
): T {
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch {
    const isPage = body.trimStart().startsWith('<')
    throw createUnexpectedAnswer(answer, isPage ? 'is a page instead of JSON' : 'is not JSON', isPage)
  }
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  const field = [...(place === undefined ? [] : [place]), ...(issue?.path ?? [])].join('.') || 'the body'
  throw createUnexpectedAnswer(answer, `does not fit: ${field}: ${issue?.message ?? 'invalid'}`)
}

/** A proxy's maintenance or login page passes: the queue tries again minutes later, the client itself does not. */
export function createUnexpectedAnswer(
  answer: { call: string; status: number },
  what: string,
  isPage = false,
): BackupError {
  return new BackupError(`${answer.call}: the answer (${answer.status}) ${what}`, {
    code: 'unexpected-answer',
    retryable: isPage || answer.status >= 500,
    hint: 'Check that CVAT_URL points at CVAT itself, not at a proxy page, and that its version is supported.',
  })
}
