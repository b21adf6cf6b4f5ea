// What the steps of one restore share.

import type { Logger } from 'pino'
import type { CvatClient } from '#shared/cvat/client.ts'
import type { RestorePayload } from '#shared/queues/restores-queue.ts'
import type { Store } from '#shared/store/open-store.ts'
import type { RestoreState } from '#shared/store/restore-state.ts'
import type { Upload } from './compose-upload.ts'

/** What is restored to. */
export interface TargetServer {
  /** Normalised. */
  readonly url: string
  readonly cvat: CvatClient
  /** By CVAT_RESTORE_…, so that is what faults name; absent: that for CVAT_URL. */
  readonly hasOwnLogin?: boolean
}

export interface RestoreDeps {
  readonly store: Store
  readonly target: TargetServer
  readonly chunkBytes: number
  readonly importTimeoutMs: number
  readonly now: () => Date
  /** How long after "import this" the server may be busy with taking the order, so that no list shows it yet. */
  readonly settleMs?: number
  /** What is made is to be removed again: it keeps its mark, which says that it is a drill's. */
  readonly isDrill?: boolean
}

export interface RestoreContext {
  readonly signal: AbortSignal
  /** Names the target in each line; of a drill the source, too. */
  readonly logger: Logger
  progress(progress: object): Promise<void>
}

/** Noted with the upload: by then, and no earlier, what was sent before it is of no account. */
export type SentSource = Pick<RestoreState, 'archive' | 'name'>

export interface Work {
  readonly payload: RestorePayload
  readonly context: RestoreContext
  readonly deps: RestoreDeps
  readonly upload: Upload
  /** What the upload is made of. */
  readonly source: SentSource
  readonly markedName: string
  /** On the disk before it returns. */
  save(change: Partial<RestoreState>): Promise<void>
  state(): RestoreState
}
