// The archives of a plan, open one at a time: a project of ten thousand tasks needs few open files.

import type { FolderPart } from './composition-plan.ts'
import { openSourceArchive } from './open-source-archive.ts'
import type { SourceArchive, SourceFacts, SourceOptions } from './source-archive.ts'

export interface Opener extends AsyncDisposable {
  /** The part's archive; the one before it is closed, so that a project of ten thousand tasks needs few open files. */
  open(part: FolderPart): Promise<SourceArchive>
}

/** What was found in each archive is remembered: its directory is walked once, however often it is opened. */
export function openOneByOne(options: SourceOptions): () => Opener {
  const known = new Map<string, SourceFacts>()
  return () => {
    let current: SourceArchive | undefined
    const close = async () => {
      const closing = current
      current = undefined
      await closing?.[Symbol.asyncDispose]()
    }
    return {
      async open({ archivePath, archiveBytes }) {
        if (current?.path === archivePath) return current
        await close()
        const before = { known: known.get(archivePath), expectedBytes: archiveBytes }
        current = await openSourceArchive(archivePath, { ...options, ...before })
        const { sizeBytes, memberCount, folders } = current
        known.set(archivePath, { sizeBytes, memberCount, folders })
        return current
      },
      [Symbol.asyncDispose]: close,
    }
  }
}
