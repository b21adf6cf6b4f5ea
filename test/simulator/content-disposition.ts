// The download's file name as CVAT writes it, unsafe as it is: lower case, slashes kept, quotes escaped twice.

import type { ArchivePlan } from './archive-plan.ts'

/** The name that CVAT gives a file when the client asked for none; the time stamp is the newest date, not the export's. */
export function archiveFileName(plan: ArchivePlan): string {
  const task = plan.tasks[0]?.task
  const subject = plan.project ?? task
  const type = plan.project ? 'project' : 'task'
  if (plan.kind === 'backup') {
    return `${type}_${subject?.name}_backup_${stamp(subject?.updatedDate ?? '')}.zip`.toLowerCase()
  }
  const dates = [subject?.updatedDate ?? '', ...plan.tasks.map((planned) => planned.task.updatedDate)]
  return `${type}_${subject?.id}_${plan.kind}_${stamp(dates.sort().at(-1) ?? '')}_${plan.format}.zip`.toLowerCase()
}

export function contentDisposition(fileName: string): string {
  return dispositionOf('attachment', escapeQuotes(escapeQuotes(removeControls(fileName))))
}

/** A guide's picture: shown, not saved, and its quotes are escaped once (django-sendfile2; none was recorded with quotes). */
export function assetDisposition(fileName: string): string {
  return dispositionOf('inline', escapeQuotes(removeControls(fileName)))
}

function dispositionOf(kind: 'attachment' | 'inline', escaped: string): string {
  const ascii = escaped.normalize('NFKD').replaceAll(/[^\x20-\x7e]/g, '')
  if (ascii === escaped) return `${kind}; filename="${escaped}"`
  const encoded = encodeURIComponent(escaped.toWellFormed())
    .replaceAll('%2F', '/')
    .replaceAll(/[!'()*]/g, percent)
  return `${kind}; filename="${ascii}"; filename*=UTF-8''${encoded}`
}

function escapeQuotes(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')
}

/** A line break would end the header: Django refuses such names, and so does node. */
function removeControls(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is removed
  return text.replaceAll(/[\u0000-\u001f\u007f]/g, '')
}

function percent(letter: string): string {
  return `%${letter.charCodeAt(0).toString(16).toUpperCase()}`
}

/** `2026-11-22T20:31:57.271122Z` as `2026_11_22_20_31_57`. */
function stamp(date: string): string {
  return date.slice(0, 19).replaceAll(/[-:T]/g, '_')
}
