// What differs between two archives, as lines or as JSON.

import type { AnnotationChanges, Counts } from '#shared/comparison/compare-annotations.ts'
import type { Comparison } from '#shared/comparison/compare-archives.ts'
import type { PartChanges } from '#shared/comparison/compare-folder.ts'
import type { MemberChanges } from '#shared/comparison/compare-members.ts'
import type { FieldChange, SettingChanges } from '#shared/comparison/compare-settings.ts'
import type { TaskRow } from '#shared/comparison/pair-tasks.ts'
import { quoteName } from '#shared/presentation/format.ts'
import type { NamedArchive } from '../find-archive.ts'

export interface DiffView {
  onFound(found: Exclude<Comparison, { what: 'end' }>): void
  onEnd(end: Extract<Comparison, { what: 'end' }>): void
}

/** More of one thing than this are counted. */
const SHOWN = 10
/** Longer values are cut. */
const VALUE_LENGTH = 80

export function openTextView(output: NodeJS.WritableStream, before: NamedArchive, after: NamedArchive): DiffView {
  const say = (line: string) => void output.write(`${line}\n`)
  say(`--- ${describeSide(before)}`)
  say(`+++ ${describeSide(after)}`)
  return {
    onFound(found) {
      if (found.what === 'task-added') say(`+ ${nameTask(found.task)}`)
      else if (found.what === 'task-removed') say(`- ${nameTask(found.task)}`)
      else if (found.what === 'task-changed') say(`~ ${nameTask(found.task)}`)
      else say(found.what === 'project-changed' ? '~ project' : '~ export')
      if ('changes' in found) for (const line of describeChanges(found.changes)) say(`    ${line}`)
    },
    onEnd({ tasksCompared, differing }) {
      const tasks = tasksCompared === 0 ? '' : ` (${count(tasksCompared, 'task')} compared)`
      if (differing === 0) say(`No difference in content${tasks}`)
      else say(`${differing === 1 ? '1 part differs' : `${differing} parts differ`}${tasks}`)
    },
  }
}

/** One object, its differences written as they are found: a project may have ten thousand tasks. */
export function openJsonView(output: NodeJS.WritableStream, before: NamedArchive, after: NamedArchive): DiffView {
  let count = 0
  const head = JSON.stringify({ before: sideToJson(before), after: sideToJson(after) }).slice(0, -1)
  output.write(`${head},"differences":[`)
  return {
    onFound(found) {
      output.write(`${count++ === 0 ? '' : ','}\n${JSON.stringify(found)}`)
    },
    onEnd({ tasksCompared, differing }) {
      output.write(`\n],"tasksCompared":${tasksCompared},"differing":${differing},"equal":${differing === 0}}\n`)
    },
  }
}

function describeSide({ path, stored }: NamedArchive): string {
  return stored ? `${path} (${stored.record.createdAt})` : path
}

function sideToJson({ path, stored }: NamedArchive): object {
  return { path, createdAt: stored?.record.createdAt ?? null, sha256: stored?.record.archive.sha256 ?? null }
}

function nameTask({ taskId, folder, name }: TaskRow): string {
  const id = taskId === undefined ? folder.replace('/', '') || 'task' : `task-${taskId}`
  return `${id} ${quoteName(name)}`
}

function describeChanges({ settings, guide, media, frameList, annotations, document, other }: PartChanges): string[] {
  return [
    ...(settings ? describeSettings(settings) : []),
    ...(guide ? describeMembers('guide', guide) : []),
    ...(media ? describeMembers('media', media) : []),
    ...(frameList ? ['frames: the same pictures in another order, or with other properties'] : []),
    ...(annotations ? describeAnnotations(annotations) : []),
    ...(document ? [`annotations.xml: ${document.added} lines added, ${document.removed} removed`] : []),
    ...(other ? describeMembers('other files', other) : []),
  ]
}

function describeSettings({ fields, labels, deletedFrames }: SettingChanges): string[] {
  const { added, removed } = deletedFrames
  return [
    ...cut(fields.map(describeField)),
    ...cut(
      labels.map(({ label, what, fields: changed }) => {
        const where = changed.length > 0 ? ` (${changed.join(', ')})` : ''
        return `label ${quoteName(label)} ${what}${where}`
      }),
    ),
    ...(added.length > 0 ? [`frames deleted: ${list(added)}`] : []),
    ...(removed.length > 0 ? [`deleted frames restored: ${list(removed)}`] : []),
  ]
}

function describeField({ field, before, after }: FieldChange): string {
  return `${field}: ${showValue(before)} -> ${showValue(after)}`
}

function describeMembers(what: string, { added, removed, changed, examples }: MemberChanges): string[] {
  return [
    `${what}: ${describeCounts({ added, removed, changed })}`,
    ...cut([
      ...examples.added.map((name) => `  + ${quoteName(name)}`),
      ...examples.removed.map((name) => `  - ${quoteName(name)}`),
      ...examples.changed.map((name) => `  ~ ${quoteName(name)}`),
    ]),
  ]
}

function describeAnnotations(changes: AnnotationChanges): string[] {
  const { before, after, labels, frames, frameCount, isCut } = changes
  const more = isCut ? ', or more' : ''
  return [
    `annotations: ${describeCounts(changes)} (${before} before, ${after} after)`,
    ...cut(labels.map(({ label, ...counts }) => `  label ${quoteName(label)}: ${describeCounts(counts)}`)),
    `  on ${count(frameCount, 'frame')}${more}: ${list(frames.map(({ frame }) => frame))}`,
  ]
}

function describeCounts({ added, removed, changed }: Counts): string {
  const parts = [
    ...(added > 0 ? [`${added} added`] : []),
    ...(removed > 0 ? [`${removed} removed`] : []),
    ...(changed > 0 ? [`${changed} changed`] : []),
  ]
  return parts.join(', ')
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}

function cut(lines: readonly string[]): string[] {
  return lines.length > SHOWN ? [...lines.slice(0, SHOWN), `… and ${lines.length - SHOWN} more`] : [...lines]
}

function list(numbers: readonly number[]): string {
  const more = numbers.length > SHOWN ? ' …' : ''
  return numbers.slice(0, SHOWN).join(', ') + more
}

function showValue(value: unknown): string {
  if (value === undefined) return 'none'
  const text = quoteName(JSON.stringify(value)).slice(1, -1)
  return text.length > VALUE_LENGTH ? `${text.slice(0, VALUE_LENGTH)}…` : text
}
