// The CVAT client: one method per call, checked rows out, BackupErrors for everything expected.

import type { z } from 'zod'
import { BackupError } from '#shared/errors/backup-error.ts'
import type { Series } from '#shared/model/series.ts'
import type { ApiCaller } from './api-caller.ts'
import { type ChangeCalls, openChanges } from './change-calls.ts'
import { type CvatClientOptions, checkHeaderValues, resolveTimeouts } from './client-options.ts'
import { connectCaller } from './connect-caller.ts'
import { type ContentCalls, openContents } from './content-calls.ts'
import { type DescriptionCalls, openDescriptions } from './description-calls.ts'
import { type Download, type DownloadOptions, openDownload } from './download.ts'
import { cancelRequest, getRequest, listActiveRequests, refreshRequests, startExport } from './export-calls.ts'
import type { ExportRequest } from './export-request.ts'
import { listByKey, listByNumber } from './list-pages.ts'
import {
  type IssueScope,
  issueTerms,
  type JobScope,
  jobTerms,
  type LogicTerm,
  type TaskScope,
  taskTerms,
} from './list-scopes.ts'
import { PagePace } from './page-pace.ts'
import {
  type CommentRow,
  commentRowSchema,
  type ExportFormat,
  type IssueRow,
  issueRowSchema,
  type JobRow,
  jobRowSchema,
  type OrganizationRow,
  organizationRowSchema,
  type ProjectRow,
  projectRowSchema,
  type TaskMeta,
  type TaskRow,
  taskMetaSchema,
  taskRowSchema,
} from './rows.ts'
import { checkServer, getAbout, getSelf, listFormats } from './server-calls.ts'
import { parseServerUrl } from './server-url.ts'
import { openTransport } from './transport.ts'
import { openUploads, type UploadCalls } from './upload-calls.ts'
import { openWebhooks, type WebhookCalls } from './webhook-calls.ts'

export type { CvatClientOptions } from './client-options.ts'
export type { Download, DownloadOptions } from './download.ts'
export type { ExportRequest } from './export-request.ts'
export type { IssueScope, JobScope, TaskScope } from './list-scopes.ts'
export type {
  CommentRow,
  ExportFormat,
  IssueRow,
  JobRow,
  OrganizationRow,
  ProjectRow,
  TaskMeta,
  TaskRow,
} from './rows.ts'
export type { UploadCalls, UploadPurpose } from './upload-calls.ts'

/**
 * Every call takes a signal and rejects with its reason when it aborts. Expected faults are BackupErrors; those that pass
 * soon (`throttled`, `server-error`, `unreachable`, `timeout`) were repeated within the client's limits before.
 * Lists of projects, tasks and jobs yield pages ordered by id that miss no row which was there all the time.
 */
export interface CvatClient extends AsyncDisposable {
  getAbout(signal: AbortSignal): Promise<{ version: string }>
  getSelf(signal: AbortSignal): Promise<{ id: number; username: string }>
  /** About, the login and the requests API: `not-cvat`, `login-failed` or `server-too-old` if one is missing. */
  checkServer(signal: AbortSignal): Promise<{ version: string }>
  listOrganizations(signal: AbortSignal): AsyncGenerator<OrganizationRow>
  listProjects(options: ProjectListOptions, signal: AbortSignal): AsyncGenerator<ProjectRow[]>
  listTasks(scope: TaskScope, signal: AbortSignal): AsyncGenerator<TaskRow[]>
  listJobs(scope: JobScope, signal: AbortSignal): AsyncGenerator<JobRow[]>
  listIssues(scope: IssueScope, signal: AbortSignal): AsyncGenerator<IssueRow[]>
  /** A comment's text may be of any length; one above 64 MiB throws `answer-too-long`. */
  listComments(scope: IssueScope, signal: AbortSignal): AsyncGenerator<CommentRow[]>
  getProject(id: number, signal: AbortSignal): Promise<ProjectRow>
  getTask(id: number, signal: AbortSignal): Promise<TaskRow>
  getJob(id: number, signal: AbortSignal): Promise<JobRow>
  getIssue(id: number, signal: AbortSignal): Promise<IssueRow>
  /** About 100 bytes a frame: not for every task. */
  getTaskMeta(id: number, signal: AbortSignal): Promise<TaskMeta>
  /** `attached`: one was under way already. Throws `no-data`, `unknown-format`, `forbidden`, `not-found` … */
  startExport(series: Series, signal: AbortSignal): Promise<{ requestId: string; attached: boolean }>
  /** Throws `unknown-request` when the server does not know it (any more). */
  getRequest(requestId: string, signal: AbortSignal): Promise<ExportRequest>
  /** The cheap list call that makes the server notice exports whose worker died. */
  refreshRequests(signal: AbortSignal): Promise<void>
  /** This user's queued and started exports; one that starts meanwhile may come twice. */
  listActiveExports(signal: AbortSignal): AsyncGenerator<ExportRequest>
  /** The same for imports. */
  listActiveImports(signal: AbortSignal): AsyncGenerator<ExportRequest>
  /** Only a queued one can be cancelled; false otherwise. */
  cancelRequest(requestId: string, signal: AbortSignal): Promise<boolean>
  listFormats(signal: AbortSignal): Promise<ExportFormat[]>
  /** The file behind a finished request's `resultUrl`, fetched from CVAT_URL whatever origin that names. */
  openDownload(resultUrl: string, options: DownloadOptions, signal: AbortSignal): Promise<Download>
  readonly uploads: UploadCalls
  readonly contents: ContentCalls
  readonly descriptions: DescriptionCalls
  readonly changes: ChangeCalls
  readonly webhooks: WebhookCalls
  /** Breaks calls and downloads under way. */
  close(): Promise<void>
}

export interface ProjectListOptions {
  /** Only ids above this one. */
  readonly afterId?: number | undefined
  /** A further condition in CVAT's JSON logic. */
  readonly filter?: LogicTerm | undefined
  /** Rows a page has at most; absent: as many as the server makes quickly, and the next page is asked for beforehand. */
  readonly maxPageSize?: number | undefined
}

/**
 * Makes the client; nothing is sent until the first call.
 *
 * @throws BackupError `bad-url`, `bad-credentials`, `bad-organization`, `bad-ca`
 */
export function openCvatClient(options: CvatClientOptions): CvatClient {
  const server = parseServerUrl(options.url)
  checkHeaderValues(options)
  const transport = openTransport(server, resolveTimeouts(options.timeouts), options)
  const closing = new AbortController()
  const caller = connectCaller(options, server, transport, closing.signal)
  const headers: Record<string, string> = options.organization ? { 'x-organization': options.organization } : {}

  const pace = new PagePace()

  const close = async () => {
    closing.abort(new BackupError('The CVAT client is closed', { code: 'client-closed', retryable: false }))
    await transport.close()
  }

  return {
    getAbout: (signal) => getAbout(caller, signal),
    getSelf: (signal) => getSelf(caller, signal),
    checkServer: (signal) => checkServer(caller, signal),
    listFormats: (signal) => listFormats(caller, signal),
    async *listOrganizations(signal) {
      const list = { path: '/api/organizations', query: { sort: 'id', page_size: 100 }, row: organizationRowSchema }
      for await (const page of listByNumber(caller, list, signal)) yield* page
    },
    listProjects: ({ filter, afterId, maxPageSize }, signal) =>
      listByKey(
        caller,
        {
          path: '/api/projects',
          row: projectRowSchema,
          terms: filter ? [filter] : [],
          headers,
          afterId,
          maxPageSize,
          pace,
        },
        signal,
      ),
    listTasks: (scope, signal) =>
      listByKey(
        caller,
        {
          path: '/api/tasks',
          row: taskRowSchema,
          terms: taskTerms(scope),
          headers,
          afterId: scope.afterId,
          maxPageSize: scope.maxPageSize,
          pace,
        },
        signal,
      ),
    listJobs: (scope, signal) =>
      listByKey(caller, { path: '/api/jobs', row: jobRowSchema, terms: jobTerms(scope), headers, pace }, signal),
    listIssues: (scope, signal) =>
      listByKey(caller, { path: '/api/issues', row: issueRowSchema, terms: issueTerms(scope), headers }, signal),
    listComments: (scope, signal) =>
      listByKey(
        caller,
        { path: '/api/comments', row: commentRowSchema, terms: issueTerms(scope), headers, hasLongRows: true },
        signal,
      ),
    getProject: (id, signal) => getRow(caller, `/api/projects/${id}`, projectRowSchema, signal),
    getTask: (id, signal) => getRow(caller, `/api/tasks/${id}`, taskRowSchema, signal),
    getJob: (id, signal) => getRow(caller, `/api/jobs/${id}`, jobRowSchema, signal),
    getIssue: (id, signal) => getRow(caller, `/api/issues/${id}`, issueRowSchema, signal),
    getTaskMeta: (id, signal) => getRow(caller, `/api/tasks/${id}/data/meta`, taskMetaSchema, signal),
    startExport: (series, signal) => startExport(caller, series, signal),
    getRequest: (requestId, signal) => getRequest(caller, requestId, signal),
    refreshRequests: (signal) => refreshRequests(caller, signal),
    listActiveExports: (signal) => listActiveRequests(caller, 'export', signal),
    listActiveImports: (signal) => listActiveRequests(caller, 'import', signal),
    cancelRequest: (requestId, signal) => cancelRequest(caller, requestId, signal),
    openDownload: (resultUrl, download, signal) => openDownload({ caller, server }, resultUrl, download, signal),
    uploads: openUploads(caller),
    contents: openContents(caller),
    descriptions: openDescriptions(caller, server),
    changes: openChanges(caller),
    webhooks: openWebhooks(caller),
    close,
    [Symbol.asyncDispose]: close,
  }
}

async function getRow<T>(caller: ApiCaller, path: string, row: z.ZodType<T>, signal: AbortSignal): Promise<T> {
  return (await caller.readJson({ method: 'GET', path }, row, signal)).value
}
