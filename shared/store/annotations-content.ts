// What an annotation export must hold. Formats differ; CVAT's own have one document at the root.

import type { ArchiveContent } from '#shared/model/series.ts'
import type { ContentCheck } from './content-check.ts'
import type { Problem } from './record.ts'

type AnnotationsContent = Extract<ArchiveContent, { kind: 'annotations' }>

/** `CVAT for images 1.1`, `CVAT for video 1.1`: annotations.xml at the root. Any other format: at least one file. */
export function checkAnnotationsContent(content: AnnotationsContent): ContentCheck {
  let files = 0
  let hasDocument = false
  return {
    open(name, sizeBytes) {
      files += 1
      if (name === 'annotations.xml' && sizeBytes > 0) hasDocument = true
      return undefined
    },
    finish() {
      const problems: Problem[] = []
      if (files === 0) problems.push({ code: 'no-members', message: 'The archive holds no file' })
      else if (content.format.startsWith('CVAT ') && !hasDocument) {
        problems.push({ code: 'no-annotations', message: `The archive holds no annotations.xml (${content.format})` })
      }
      return { perTask: [], tasks: [], problems, warnings: [] }
    },
  }
}
