// Puts another name into project.json or task.json, and leaves everything else in it as it is.

import { BackupError } from '#shared/errors/backup-error.ts'

/** In the text where that can be done: what is parsed and written again may have other numbers. */
export function renameInJson(text: string, name: string): string {
  const before: unknown = parse(text)
  if (typeof before !== 'object' || before === null || Array.isArray(before)) {
    throw new BackupError('The archive holds no project.json or task.json that can be understood', {
      code: 'not-restorable',
      retryable: false,
    })
  }
  const wanted = JSON.stringify({ ...before, name })
  // CVAT writes the name first. Where it stands elsewhere, this finds another name or none, and is not used.
  const replaced = text.replace(
    /^(\s*\{\s*"name"\s*:\s*)"(?:[^"\\]|\\.)*"/,
    (_, start) => `${start}${JSON.stringify(name)}`,
  )
  return JSON.stringify(parse(replaced)) === wanted ? replaced : wanted
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
