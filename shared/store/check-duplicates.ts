// Members of one name: whoever unpacks the archive gets one of them. CVAT writes some, most of them harmless.

import type { Entry } from 'yauzl'
import { showName } from './check-entry.ts'
import type { Problem } from './record.ts'

export interface DuplicateCheck {
  /** To be called for each member that is not alone with its name. */
  take(name: string, entry: Pick<Entry, 'crc32' | 'uncompressedSize'>): void
  readonly problems: readonly Problem[]
  readonly warnings: readonly Problem[]
}

/** Names that are remembered; an archive with more differing duplicates is beyond judging member by member. */
const MAX_NAMES = 100_000
const MAX_REPORTED = 1_000

/**
 * Measured on CVAT 2.64.1: pictures that honeypots show again are written again, with the same content, which does no
 * harm. Two guide assets of one file name are two members of one name: after a restore both references show the second.
 */
export function checkDuplicates(): DuplicateCheck {
  const contents = new Map<string, string>()
  const reported = new Set<string>()
  const problems: Problem[] = []
  const warnings: Problem[] = []
  return {
    problems,
    warnings,
    take(name, entry) {
      const content = `${entry.crc32}:${entry.uncompressedSize}`
      const known = contents.get(name)
      if (known === undefined && contents.size < MAX_NAMES) contents.set(name, content)
      else if (known !== content && !reported.has(name) && reported.size < MAX_REPORTED) {
        reported.add(name)
        const list = isGuideAsset(name) ? warnings : problems
        list.push({
          code: 'duplicate-member',
          message: `Members with different content share the name ${showName(name)}`,
        })
      }
    },
  }
}

function isGuideAsset(name: string): boolean {
  return /^(task_\d+\/)?assets\//.test(name)
}
