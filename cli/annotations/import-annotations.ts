// Uploads a document of annotations and waits until CVAT has put it in the place of the task's annotations. May be repeated:
// the same is put in the same place.

import { uploadArchive } from '#services/restorer/upload-archive.ts'
import type { CvatClient, UploadPurpose } from '#shared/cvat/client.ts'
import { pollRequest } from '#shared/cvat/poll-request.ts'
import { BackupError, describeError } from '#shared/errors/backup-error.ts'
import type { TaskDocument } from './open-document.ts'
import type { TargetTask } from './target-task.ts'

/** CVAT's importer of what its exporters «CVAT for images 1.1» and «CVAT for video 1.1» write. */
const IMPORTER = 'CVAT 1.1'

export interface ImportOptions {
  readonly chunkBytes: number
  readonly importTimeoutMs: number
}

/** @throws BackupError whose hint says what the task holds now */
export async function importAnnotations(
  document: TaskDocument,
  target: TargetTask,
  cvat: CvatClient,
  { chunkBytes, importTimeoutMs }: ImportOptions,
  signal: AbortSignal,
): Promise<void> {
  const { id, organization, url } = target
  const purpose: UploadPurpose = { what: 'annotations', taskId: id, format: IMPORTER, organization }
  const uploadName = await uploadArchive(
    {
      purpose,
      fileName: `task-${id}-annotations.xml`,
      archive: {
        sizeBytes: document.sizeBytes,
        stream: (range) => document.stream({ start: range?.start ?? 0, end: range?.end ?? document.sizeBytes }),
      },
      uploadName: undefined,
      onCreated: async () => {},
      onProgress: () => {},
      chunkBytes,
    },
    cvat.uploads,
    signal,
  )
  const askedAtMs = Date.now()
  const { requestId } = await cvat.uploads.finish(purpose, uploadName, signal).catch((error) => {
    throw explainRefusal(error, url)
  })
  const poll = { cvat, askedAtMs, timeoutMs: importTimeoutMs, timeoutSetting: 'CVAT_RESTORE_TIMEOUT_HOURS' }
  const { status, message } = await pollRequest(requestId, poll, signal)
  if (status === 'finished') return
  throw new BackupError(`CVAT did not take the annotations: ${message.trim() || 'no reason given'}`, {
    code: 'import-failed',
    retryable: false,
    hint: `The annotations of ${url} are what they were before: after a failed import CVAT leaves them untouched.`,
  })
}

function explainRefusal(error: unknown, url: string): unknown {
  if (!(error instanceof BackupError)) return error
  if (/: 409\b/.test(error.message)) {
    return new BackupError(`Another import of annotations into ${url} is under way`, {
      code: 'import-under-way',
      retryable: true,
      hint: 'Nothing of this one was taken. See what it is about, and call the same command when it has ended.',
      cause: error,
    })
  }
  if (!['unreachable', 'timeout', 'server-error', 'unexpected-answer'].includes(error.code)) return error
  return new BackupError(`It is not known whether CVAT replaces the annotations of ${url}: ${describeError(error)}`, {
    code: 'import-lost',
    retryable: true,
    hint: 'Either all of them are replaced or none. The same command may be called again: it comes to the same.',
    cause: error,
  })
}
