// The words of `restore`.

import type { EntityRef } from '#shared/model/entity.ts'
import type { RestoreWish } from '#shared/restores/describe-request.ts'
import { readUntil } from '../find-archive.ts'
import { readArguments, takeEntities } from '../read-arguments.ts'
import { wrongUsage } from '../usage.ts'

export interface RestoreRequest extends RestoreWish {
  /** Everything; then nothing is named. */
  readonly all: boolean
  /** By --project and --task. */
  readonly entities: readonly EntityRef[]
  /** The others that were named: `project-6`, or a name. */
  readonly words: readonly string[]
  readonly to: string | undefined
  readonly createOrganizations: boolean
  /** URL of the server whose archives are meant, where the directory holds those of several. */
  readonly from: string | undefined
  readonly plan: boolean
  readonly yes: boolean
  readonly json: boolean
  readonly again: boolean
}

const PERSONAL = '-'

export function readRestoreRequest(args: string[]): RestoreRequest {
  const { rest, entities: named = [] } = takeEntities(args)
  const { values, positionals } = readArguments(
    rest,
    {
      all: { type: 'boolean', default: false },
      at: { type: 'string' },
      archive: { type: 'string' },
      to: { type: 'string' },
      from: { type: 'string' },
      organization: { type: 'string' },
      'organization-map': { type: 'string', multiple: true, default: [] },
      'create-organizations': { type: 'boolean', default: false },
      as: { type: 'string' },
      repair: { type: 'boolean', default: false },
      'include-deleted': { type: 'boolean', default: false },
      plan: { type: 'boolean', default: false },
      yes: { type: 'boolean', short: 'y', default: false },
      again: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
    true,
  )
  const count = named.length + positionals.length
  if (values.all && count > 0) throw wrongUsage('--all restores everything: name nothing besides')
  if (!values.all && count === 0) {
    throw wrongUsage('restore needs what is to be restored, such as project-6 or "Crossing", or --all')
  }
  if (count !== 1) {
    if (values.archive !== undefined) throw wrongUsage('--archive names one archive: name one project or task with it')
    if (values.as !== undefined) throw wrongUsage('--as names one thing: name one project or task with it')
  }
  if (values.archive !== undefined && values.at !== undefined) throw wrongUsage('--at and --archive exclude each other')
  if (values.as !== undefined && values.as.trim() === '') throw wrongUsage('--as needs a name')
  return {
    all: values.all,
    entities: named,
    words: positionals,
    at: values.at === undefined ? undefined : readAt(values.at),
    archive: values.archive,
    to: values.to,
    from: values.from,
    organization: values.organization === undefined ? undefined : readSlug(values.organization),
    organizationMap: new Map(values['organization-map'].map(readPair)),
    createOrganizations: values['create-organizations'],
    as: values.as,
    repair: values.repair,
    withDeleted: values['include-deleted'],
    plan: values.plan,
    yes: values.yes,
    json: values.json,
    again: values.again,
  }
}

/** Of a date the end of that day, UTC. */
function readAt(text: string): Date {
  const until = readUntil(text)
  if (until) return until
  throw wrongUsage(`--at takes a time such as 2026-11-20 or 2026-11-20T12:00Z, not «${text}»`)
}

function readSlug(text: string): string | null {
  if (text === PERSONAL || text === '') return null
  if (/^[-a-zA-Z0-9_]{1,16}$/.test(text)) return text
  throw wrongUsage(`«${text}» is no short name (slug) of an organization; «${PERSONAL}» means in none`)
}

function readPair(text: string): [string, string | null] {
  const [from, to, ...more] = text.split('=')
  if (!from || to === undefined || more.length > 0) throw wrongUsage(`--organization-map takes OLD=NEW, not «${text}»`)
  return [from, readSlug(to)]
}
