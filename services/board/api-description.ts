// The board's API: every operation with what it takes and answers, from which requests are checked and docs/openapi.json is
// written (scripts/generate-openapi.ts).

import { z } from 'zod'
import { entityStates } from '#shared/overview/judge-entity.ts'
import { sortKeys } from '#shared/overview/select-rows.ts'

const time = z.iso.datetime().describe('ISO 8601, UTC')
const optionalTime = time.nullable()
const count = z.int().nonnegative()
const bytes = z.int().nonnegative()
const entityText = z.string().describe('`project-6` or `task-7`')

export const entitySchema = z.strictObject({
  entity: entityText,
  name: z.string(),
  organization: z.string().nullable().describe('Slug; null: personal'),
  server: z.string(),
  link: z.string().nullable().describe('Its page at CVAT; null where only the backup directory knows it'),
  state: z.enum(entityStates),
  reasons: z.array(z.string()),
  protectedAt: optionalTime.describe('When it was last known to be as its archive shows it'),
  archivedAt: optionalTime.describe('Of when its newest verified archive is'),
  level: z.string().nullable().describe('How far that one was verified'),
  sizeBytes: bytes.nullable(),
  archives: count,
  storedBytes: bytes.describe('Of all its archives'),
  nextRunAt: optionalTime,
})

const stateCounts = z.strictObject(
  Object.fromEntries(entityStates.map((state) => [state, count])) as Record<
    (typeof entityStates)[number],
    typeof count
  >,
)

const archiveSchema = z.strictObject({
  file: z.string(),
  server: z.string(),
  kind: z.enum(['backup', 'annotations']),
  format: z.string().nullable().describe('Of annotations'),
  name: z.string(),
  organization: z.string().nullable(),
  createdAt: time,
  checkedAt: time,
  sizeBytes: bytes,
  sha256: z.string(),
  state: z.enum(['good', 'stale', 'incomplete', 'damaged']),
  level: z.string(),
  problems: z.array(z.strictObject({ code: z.string(), message: z.string() })),
  warnings: z.array(z.strictObject({ code: z.string(), message: z.string() })),
  frames: count.nullable(),
  annotations: count.nullable(),
  action: z.enum(['keep', 'remove']).describe('What the next sweep does'),
  reasons: z.array(z.string()),
  keptUntil: optionalTime.describe('null: until newer ones take its place, or it goes with the next sweep'),
})

const runSchema = z.strictObject({
  run: z.string(),
  mode: z.enum(['p', 'a', 't']),
  full: z.boolean(),
  trigger: z.enum(['command', 'schedule', 'event']),
  state: z.enum(['listing', 'waiting', 'ended', 'interrupted']),
  startedAt: time,
  endedAt: optionalTime,
  ok: z.boolean().describe('So far'),
  listingError: z.string().nullable(),
  total: count,
  done: count,
  noted: count,
  skipped: count,
  empty: count,
  failed: count,
  sizeBytes: bytes,
})

export const progressSchema = z.strictObject({
  ...runSchema.shape,
  waiting: count.describe('Backups that are still awaited'),
  active: z.array(
    z.strictObject({
      name: z.string(),
      phase: z.string(),
      receivedBytes: bytes.nullable(),
      totalBytes: bytes.nullable(),
    }),
  ),
})

const failureSchema = z.strictObject({
  series: z.string(),
  name: z.string(),
  code: z.string(),
  reason: z.string(),
  hint: z.string().nullable(),
})

const ruleQuery = z.object({
  ttl: z
    .string()
    .max(20)
    .optional()
    .describe('Hours; each rule as in its setting (docs/configuration.md), empty for none'),
  min: z.string().max(20).optional(),
  last: z.string().max(20).optional(),
  hourly: z.string().max(20).optional(),
  daily: z.string().max(20).optional(),
  weekly: z.string().max(20).optional(),
  monthly: z.string().max(20).optional(),
  yearly: z.string().max(20).optional(),
  within: z.string().max(20).optional(),
  deleted: z.string().max(20).optional(),
})

const optionalText = (most: number) =>
  z
    .string()
    .max(most)
    .transform((text) => (text.trim() === '' ? undefined : text.trim()))
    .optional()

export const entityQuery = z.object({
  search: optionalText(200).describe('Part of the name, or `project-6`, or `6`'),
  state: z
    .union([z.enum([...entityStates, 'attention']), z.literal('').transform(() => undefined)])
    .optional()
    .describe('`attention`: whatever needs somebody'),
  organization: optionalText(64).describe('Slug; `-`: personal'),
  type: z.union([z.enum(['project', 'task']), z.literal('').transform(() => undefined)]).optional(),
  sort: z.enum(sortKeys).default('state'),
  order: z.enum(['asc', 'desc']).default('asc'),
  page: z.coerce.number().int().min(1).max(1_000_000).default(1),
  size: z.coerce.number().int().min(1).max(500).default(50),
})

const yes = z.union([z.boolean(), z.enum(['true', 'false', 'on']).transform((word) => word !== 'false')])

export const restoreBody = z.object({
  archive: z.string().min(1).max(255).describe('File name of one of its archives'),
  target: z.string().min(1).max(2_000).describe('Address of a server that a restorer serves'),
  organization: optionalText(64).describe('Slug on the target; `-`: personal; as it was when absent'),
  name: optionalText(256).describe('As it is to be called there; its own name when absent'),
  repair: yes.default(false).describe('Mend what CVAT would refuse, in what is uploaded'),
  again: yes.default(false).describe('Even where the very same was restored before'),
  confirm: yes.default(false).describe('Needed where the target is the server that the archive is of'),
})

const params = {
  entity: z.object({ entity: z.string().regex(/^(project|task)-[1-9]\d{0,14}$/) }),
  archive: z.object({ entity: z.string().regex(/^(project|task)-[1-9]\d{0,14}$/), file: z.string().min(1).max(255) }),
  run: z.object({ run: z.string().regex(/^[\w.-]{1,80}$/) }),
  restore: z.object({
    restore: z.string().regex(/^[\w.-]{1,80}$/),
    entity: z.string().regex(/^(project|task)-[1-9]\d{0,14}$/),
  }),
}

interface Operation {
  readonly method: 'get' | 'post'
  /** Below /api/v1. */
  readonly path: string
  readonly summary: string
  /** Viewers are refused. */
  readonly operator?: boolean
  readonly params?: z.ZodObject
  readonly query?: z.ZodObject
  readonly body?: z.ZodObject
  /** `events`: server-sent events, each with progress. `file`: the archive, with ranges. */
  readonly answer: z.ZodType | 'events' | 'file'
}

export const operations = {
  readOverview: {
    method: 'get',
    path: '/overview',
    summary: 'How many projects and tasks are protected, and how many need somebody',
    answer: z.strictObject({
      watched: count.describe('What runs look after'),
      needing: count,
      counts: stateCounts,
      oldestProtectedAt: optionalTime,
      archives: count,
      storedBytes: bytes,
      listedAt: optionalTime.describe('When the newest whole listing began; null: nothing is known of the server'),
      directory: z.strictObject({
        readAt: optionalTime.describe('When the backup directory was last read whole'),
        isUnderWay: z.boolean(),
        problem: z.string().nullable(),
        unread: z.array(z.strictObject({ entity: z.string(), reason: z.string() })),
      }),
      organizations: z.array(z.string()),
      takenAt: time,
    }),
  },
  listEntities: {
    method: 'get',
    path: '/entities',
    summary: 'Projects and tasks, filtered, sorted, a page of them',
    query: entityQuery,
    answer: z.strictObject({ total: count, page: count, pages: count, entities: z.array(entitySchema) }),
  },
  readEntity: {
    method: 'get',
    path: '/entities/{entity}',
    summary: 'One project or task; one row for each server that has it',
    params: params.entity,
    answer: z.strictObject({ entities: z.array(entitySchema) }),
  },
  listArchives: {
    method: 'get',
    path: '/entities/{entity}/archives',
    summary: 'Its archives, newest first, and why each is kept',
    params: params.entity,
    answer: z.strictObject({ archives: z.array(archiveSchema) }),
  },
  downloadArchive: {
    method: 'get',
    path: '/entities/{entity}/archives/{file}/content',
    summary: 'The archive itself',
    operator: true,
    params: params.archive,
    answer: 'file',
  },
  compareArchives: {
    method: 'get',
    path: '/entities/{entity}/diff',
    summary: 'What two of its archives differ in, as `diff --json`; reads both',
    operator: true,
    params: params.entity,
    query: z.object({ before: z.string().min(1).max(255), after: z.string().min(1).max(255) }),
    answer: z.strictObject({
      before: z.string(),
      after: z.string(),
      differences: z.array(z.looseObject({ what: z.string() })).describe('The first thousand'),
      tasksCompared: count,
      differing: count,
    }),
  },
  listJobs: {
    method: 'get',
    path: '/entities/{entity}/jobs',
    summary: 'The newest jobs about it that there still are, with what they logged',
    params: params.entity,
    answer: z.strictObject({
      jobs: z.array(
        z.strictObject({
          queue: z.string(),
          job: z.string(),
          name: z.string(),
          state: z.string().describe("BullMQ's: `waiting`, `active`, `delayed`, `completed`, `failed`, …"),
          addedAt: time,
          endedAt: optionalTime,
          attempts: count,
          reason: z.string().nullable().describe('Why it failed, or what it said at its end'),
          lines: z.array(z.string()).describe('The last 30 that it logged'),
        }),
      ),
    }),
  },
  backUpEntity: {
    method: 'post',
    path: '/entities/{entity}/backup',
    summary: 'Back it up now, changed or not: starts a run',
    operator: true,
    params: params.entity,
    answer: z.strictObject({ run: z.string() }),
  },
  verifyEntity: {
    method: 'post',
    path: '/entities/{entity}/verify',
    summary: 'Read all its archives again: a job of the queue `verifications`',
    operator: true,
    params: params.entity,
    answer: z.strictObject({ job: z.string() }),
  },
  restoreEntity: {
    method: 'post',
    path: '/entities/{entity}/restore',
    summary: 'Make it anew on a target from one of its archives',
    operator: true,
    params: params.entity,
    body: restoreBody,
    answer: z.strictObject({ restore: z.string(), job: z.string() }),
  },
  listTargets: {
    method: 'get',
    path: '/restores/targets',
    summary: 'Servers that a restorer serves now',
    answer: z.strictObject({ targets: z.array(z.string()) }),
  },
  readRestore: {
    method: 'get',
    path: '/restores/{restore}/{entity}',
    summary: 'How far a restore has come',
    params: params.restore,
    answer: z.strictObject({
      state: z.enum(['waiting', 'uploading', 'importing', 'imported', 'done', 'failed']),
      target: z.string().nullable(),
      progress: z
        .strictObject({ phase: z.string(), sentBytes: bytes.nullable(), totalBytes: bytes.nullable() })
        .nullable()
        .describe('Of the step that is under way'),
      result: z.int().positive().nullable().describe('Its id on the target'),
      differences: z.array(z.strictObject({ where: z.string(), what: z.string() })),
      failure: z.strictObject({ code: z.string(), reason: z.string(), hint: z.string().nullable() }).nullable(),
    }),
  },
  listRuns: {
    method: 'get',
    path: '/runs',
    summary: 'The newest runs',
    answer: z.strictObject({ runs: z.array(runSchema) }),
  },
  readRun: {
    method: 'get',
    path: '/runs/{run}',
    summary: 'One run with its failures',
    params: params.run,
    answer: z.strictObject({
      run: progressSchema,
      failures: z.array(failureSchema).describe('The first thousand'),
      notes: z.array(z.strictObject({ series: z.string(), name: z.string(), text: z.string() })),
    }),
  },
  followRun: {
    method: 'get',
    path: '/runs/{run}/events',
    summary: 'Its progress as it comes: server-sent events `progress`, each with a run as JSON, then `end`',
    params: params.run,
    answer: 'events',
  },
  retryRun: {
    method: 'post',
    path: '/runs/{run}/retry',
    summary: 'Try again what failed in it',
    operator: true,
    params: params.run,
    body: z.object({ series: optionalText(200).describe('One failure; all when absent') }),
    answer: z.strictObject({ retried: count, gone: count.describe('Of so many the job is no longer there') }),
  },
  simulateRetention: {
    method: 'get',
    path: '/retention',
    summary: 'What other retention rules would remove, as `sweep --dry-run`; reads every record',
    query: ruleQuery,
    answer: z.strictObject({
      rules: z.record(z.string(), z.string()),
      entities: count,
      kept: count,
      keptBytes: bytes,
      removed: count,
      removedBytes: bytes,
      workflowsRemoved: count,
      failed: count.describe('Folders that could not be read'),
      removals: z
        .array(
          z.strictObject({
            entity: z.string(),
            file: z.string(),
            createdAt: time,
            sizeBytes: bytes,
            reasons: z.array(z.string()),
          }),
        )
        .describe('The first 500'),
    }),
  },
  readGrowth: {
    method: 'get',
    path: '/store',
    summary: 'How the store grows, and when the disk is full at this rate',
    answer: z.strictObject({
      freeBytes: bytes.nullable(),
      bytesPerDay: bytes,
      measuredDays: count,
      fullAt: optionalTime,
      days: z.array(z.strictObject({ day: z.string(), addedBytes: bytes, totalBytes: bytes })),
    }),
  },
} as const satisfies Record<string, Operation>

export type OperationId = keyof typeof operations
export const operationList: readonly (readonly [OperationId, Operation])[] = Object.entries(operations) as [
  OperationId,
  Operation,
][]

const problemSchema = z.object({ message: z.string() })

/** The OpenAPI document: https://spec.openapis.org/oas/v3.1.1 */
export function describeApi(): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const [operationId, operation] of operationList) {
    paths[operation.path] = { ...paths[operation.path], [operation.method]: describeOperation(operationId, operation) }
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'cvat-backups',
      version: '1',
      description:
        'What is protected, and what an operator can do about it. Fields may be added; none goes and none changes its meaning within v1.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/api/v1' }],
    security: [{ token: [] }, { session: [] }],
    paths,
    components: {
      schemas: { Problem: toJson(problemSchema, 'output') },
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'One of BOARD_TOKENS' },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: 'cvat-backups-board',
          description: 'Of the login; requests that change something need the header X-XSRF-TOKEN too',
        },
      },
    },
  }
}

function describeOperation(operationId: string, { operator, answer, ...operation }: Operation): object {
  const problem = (description: string) => ({
    description,
    content: { 'application/json': { schema: { $ref: '#/components/schemas/Problem' } } },
  })
  return {
    operationId,
    summary: operation.summary,
    ...(operator ? { description: 'For operators.' } : {}),
    parameters: [...describeParameters(operation.params, 'path'), ...describeParameters(operation.query, 'query')],
    ...(operation.body
      ? { requestBody: { content: { 'application/json': { schema: toJson(operation.body, 'input') } } } }
      : {}),
    responses: {
      200: { description: operation.summary, content: describeAnswer(answer) },
      400: problem('The request could not be understood'),
      401: problem('Nobody is logged in, or the token is wrong'),
      ...(operator ? { 403: problem('Viewers may not do this') } : {}),
      404: problem('There is no such thing'),
      409: problem('It cannot be done now; the message says why'),
      503: problem('Redis does not answer'),
    },
  }
}

function describeAnswer(answer: Operation['answer']): object {
  if (answer === 'file') return { 'application/zip': { schema: { type: 'string', format: 'binary' } } }
  if (answer === 'events') return { 'text/event-stream': { schema: { type: 'string' } } }
  return { 'application/json': { schema: toJson(answer, 'output') } }
}

function describeParameters(schema: z.ZodObject | undefined, where: 'path' | 'query'): object[] {
  if (!schema) return []
  const json = toJson(schema, 'input') as { properties: Record<string, { description?: string }>; required?: string[] }
  return Object.entries(json.properties).map(([name, { description, ...rest }]) => ({
    name,
    in: where,
    required: where === 'path' || (json.required ?? []).includes(name),
    ...(description === undefined ? {} : { description }),
    schema: rest,
  }))
}

function toJson(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io, unrepresentable: 'any' })
  return json
}
