// The scheduler's own settings: what is backed up, in which form and when.

import { join } from 'node:path'
import { defineGroup, type Settings } from '#shared/config/setting.ts'
import { InvalidValue, line, path, valueSchema, yesOrNo } from '#shared/config/value-schemas.ts'

/** Some projects and tasks, by name or id. */
export interface EntityFilter {
  /** Globs on names: `*` and `?`, nothing else is special. */
  readonly patterns: readonly string[]
  readonly projectIds: readonly number[]
  readonly taskIds: readonly number[]
}

const FILTER = 'a comma-separated list of names and ids'

const settings = {
  include: {
    name: 'CVAT_BACKUP_INCLUDE',
    schema: valueSchema(FILTER, parseEntityFilter),
    description: 'Back up only these projects and tasks.',
    example: 'street *,id:12',
    whenUnset: 'everything',
  },
  exclude: {
    name: 'CVAT_BACKUP_EXCLUDE',
    schema: valueSchema(FILTER, parseEntityFilter),
    description: 'Do not back up these, also when CVAT_BACKUP_INCLUDE names them.',
    example: '*-test,task:7',
    whenUnset: 'nothing',
  },
  format: {
    name: 'CVAT_BACKUP_FORMAT',
    schema: line({
      accepts: 'the name of an export format of the server, up to 200 characters',
      pattern: /^[^\r\n]{1,200}$/,
    }),
    default: 'CVAT for images 1.1',
    description: 'Format of annotation exports, as the CVAT server calls it.',
  },
  saveImages: {
    name: 'CVAT_BACKUP_SAVE_IMAGES',
    schema: yesOrNo(),
    default: 'false',
    description: 'Whether annotation exports hold the images too. Backups hold them always.',
  },
  scheduleFile: {
    name: 'CVAT_BACKUP_SCHEDULE_FILE',
    schema: path(),
    default: {
      text: 'crontab beside package.json',
      from: () => join(import.meta.dirname, '..', '..', 'crontab'),
    },
    description: 'The crontab that says when what is backed up.',
    example: '/etc/cvat-backups/crontab',
  },
} as const satisfies Settings

export const schedulerSettings = defineGroup({
  title: 'Scheduler',
  introduction:
    'In the lists of CVAT_BACKUP_INCLUDE and CVAT_BACKUP_EXCLUDE an item is the name of a project, in which `*` stands for any text and `?` for any character and capitals do not matter, or an id: `project:12` (in short `id:12`), `task:7`. A backslash before a comma makes the comma part of the name.',
  settings,
})

/**
 * Parses `street *,id:12,task:7`. Spaces around items and empty items do not count.
 * @throws InvalidValue for an id that is none, and when nothing is named
 */
export function parseEntityFilter(text: string): EntityFilter {
  const items = splitAtCommas(text)
  const patterns: string[] = []
  const ids = { project: new Set<number>(), task: new Set<number>() }
  for (const item of items) {
    const [, kind, id] = /^(id|project|task)\s*:\s*(.*)$/is.exec(item) ?? []
    if (kind === undefined || id === undefined) {
      patterns.push(item)
    } else if (/^[1-9]\d{0,14}$/.test(id)) {
      ids[kind.toLowerCase() === 'task' ? 'task' : 'project'].add(Number(id))
    } else {
      const fix = 'Write a whole number after the colon; in a name put `?` in its place'
      throw new InvalidValue(`holds ${JSON.stringify(item)}, which is no id`, fix)
    }
  }
  if (items.length === 0) throw new InvalidValue('names nothing', 'Name a project or task, or remove it')
  return { patterns, projectIds: [...ids.project], taskIds: [...ids.task] }
}

/** Splits at commas before which there is no backslash. */
function splitAtCommas(text: string): string[] {
  return text
    .split(/(?<!\\),/)
    .map((item) => item.replaceAll('\\,', ',').trim())
    .filter((item) => item !== '')
}
