// The guide of an uploaded project or task: its text, and the pictures beside it.

import { textOf, type UploadedZip } from './uploaded-zip.ts'

export interface ArchivedGuide {
  /** Names its pictures as `assets/FILENAME`. */
  readonly markdown: string
  readonly assets: readonly { readonly fileName: string; readonly content: Buffer }[]
}

/** Null where the archive has none or an empty one, which CVAT's import forgets. Pictures are read by name: of two of one name, both become the second. */
export function readGuide(zip: UploadedZip, prefix: string): ArchivedGuide | null {
  const guide = zip.find(`${prefix}annotation_guide.md`)
  if (!guide || guide.content.size === 0) return null
  const folder = `${prefix}assets/`
  const assets = zip.members
    .filter((member) => member.name.startsWith(folder))
    .map(({ name }) => {
      const content = zip.find(name)?.content
      return { fileName: name.slice(folder.length), content: content?.read(0, content.size) ?? Buffer.alloc(0) }
    })
  return { markdown: textOf(guide), assets }
}
