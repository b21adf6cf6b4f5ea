// The words of `restore --annotations`.

import { parseEntity } from '#shared/model/entity.ts'
import { readUntil } from '../find-archive.ts'
import { readArguments, takeEntities } from '../read-arguments.ts'
import { wrongUsage } from '../usage.ts'

export interface AnnotationsRequest {
  /** Of the server that the export is of. */
  readonly taskId: number
  /** Of the server that it goes to. */
  readonly into: number | undefined
  readonly archive: string | undefined
  readonly at: Date | undefined
  readonly to: string | undefined
  readonly from: string | undefined
  readonly dryRun: boolean
  readonly yes: boolean
  readonly hasBackup: boolean
}

export function readAnnotationsRequest(args: string[]): AnnotationsRequest {
  const { rest, entities = [] } = takeEntities(args)
  const { values, positionals } = readArguments(
    rest,
    {
      annotations: { type: 'boolean', default: true },
      into: { type: 'string' },
      archive: { type: 'string' },
      at: { type: 'string' },
      to: { type: 'string' },
      from: { type: 'string' },
      'dry-run': { type: 'boolean', short: 'n', default: false },
      yes: { type: 'boolean', short: 'y', default: false },
      'i-have-a-backup': { type: 'boolean', default: false },
    },
    true,
  )
  const named = [...entities, ...positionals.map(parseEntity)]
  const [task] = named
  if (named.length !== 1 || task?.type !== 'task') {
    throw wrongUsage('--annotations puts annotations back into one task: name it, such as task-17 or --task 17')
  }
  if (values.archive !== undefined && values.at !== undefined) throw wrongUsage('--at and --archive exclude each other')
  const at = values.at === undefined ? undefined : readUntil(values.at)
  if (values.at !== undefined && !at) {
    throw wrongUsage(`--at takes a time such as 2026-11-20 or 2026-11-20T12:00Z, not «${values.at}»`)
  }
  if (values.into !== undefined && !/^[1-9]\d{0,14}$/.test(values.into)) {
    throw wrongUsage(`--into takes the id of a task, not «${values.into}»`)
  }
  return {
    taskId: task.id,
    into: values.into === undefined ? undefined : Number(values.into),
    archive: values.archive,
    at,
    to: values.to,
    from: values.from,
    dryRun: values['dry-run'],
    yes: values.yes,
    hasBackup: values['i-have-a-backup'],
  }
}
