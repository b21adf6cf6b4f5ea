// What the message of a failed import means: a worker that died, bytes that were damaged on their way, or an archive that
// this server does not take. CVAT tells them apart by text only; the texts were seen on CVAT 2.64.1.

import { BackupError } from '#shared/errors/backup-error.ts'

const workerDied = /work-horse terminated|abandonedjoberror/i
/** Python's zipfile about a file that is no zip, or not the one that was sent. */
const damaged = /badzipfile|bad crc-32|bad magic number|file is not a zip|zlib\.error|eoferror/i

interface KnownRefusal {
  readonly text: RegExp
  readonly hint: string
}

const refusals: readonly KnownRefusal[] = [
  {
    text: /without cache but with random\/predefined/i,
    hint: 'restore --repair changes the one field that this server refuses, in what is uploaded; the archive stays as it is.',
  },
  {
    text: /filenotfounderror.*share.*manifest\.jsonl/i,
    hint: 'The archive is of an older CVAT and says that its media lie on a share, though they are in it. restore --repair changes that one field in what is uploaded; the archive stays as it is.',
  },
  {
    text: /no media data found/i,
    hint: 'A task in the archive has no pictures: they were missing on the server when it was backed up. Restore an earlier archive (--at, --archive).',
  },
  {
    text: /incorrect file mapping to manifest/i,
    hint: "A task's list of frames (data/manifest.jsonl) and its pictures do not fit together, as where pictures were broken on the server. Restore an earlier archive (--at, --archive), or take the other tasks out with `cvat-backups extract`. CVAT may keep what it had unpacked of each try on its disk.",
  },
  {
    text: /keyerror: '/i,
    hint: 'A label is named like a skeleton and its part together, as `posehead` beside `pose` with `head`, and CVAT takes one for the other: --repair does not mend this. Tasks without annotations of these two can be taken out with `cvat-backups extract`.',
  },
]

/**
 * Codes: `import-worker-died` (whether it has made anything is not known), `upload-damaged` (nothing is there; to be sent
 * once more), `import-failed` (nothing is there: CVAT takes an import back as a whole).
 */
export function explainFailedImport(message: string): BackupError {
  if (workerDied.test(message)) {
    return new BackupError(`CVAT's import worker died: ${message}`, { code: 'import-worker-died', retryable: true })
  }
  if (damaged.test(message)) {
    return new BackupError(`CVAT could not read what had arrived: ${message}`, {
      code: 'upload-damaged',
      retryable: true,
      hint: 'The archive was checked before: it was damaged on its way, or on the disk of the server. Is that full?',
    })
  }
  const known = refusals.find(({ text }) => text.test(message))
  return new BackupError(`CVAT's import failed: ${message.trim() || 'no reason given'}`, {
    code: 'import-failed',
    retryable: false,
    hint: known?.hint ?? 'docs/restore.md lists what CVAT refuses.',
  })
}
