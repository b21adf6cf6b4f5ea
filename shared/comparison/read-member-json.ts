// project.json and task.json as objects.

import type { SourceArchive, SourceMember } from '#shared/composition/source-archive.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import { showName } from '#shared/store/check-entry.ts'
import { defaultZipLimits } from '#shared/store/zip-limits.ts'

/** An empty object where there is no such member. @throws BackupError `unreadable-member` */
export async function readJson(
  source: SourceArchive,
  member: SourceMember | undefined,
): Promise<Record<string, unknown>> {
  if (!member) return {}
  const text = await source.readText(member, defaultZipLimits.maxJsonBytes)
  if (text === undefined) throw unreadable(source, member, new RangeError('it is too large'))
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
    throw new SyntaxError('it is no object')
  } catch (error) {
    throw unreadable(source, member, error)
  }
}

export function unreadable(source: SourceArchive, member: SourceMember, cause: unknown): BackupError {
  return new BackupError(`${showName(member.name)} of ${source.path} cannot be compared`, {
    code: 'unreadable-member',
    retryable: false,
    cause,
  })
}
