// One task's part of a document of annotations: what is in it, and its text. A stream: nothing of the document is held.

import { BackupError } from '#shared/errors/backup-error.ts'
import { openXmlScanner, readAttribute, writeAttribute, type XmlScanner, type XmlToken } from './scan-xml.ts'

export interface AnnotationCounts {
  readonly tags: number
  readonly shapes: number
  readonly tracks: number
}

export interface DocumentImage {
  readonly name: string
  readonly number: number
  readonly tags: number
  readonly shapes: number
}

export interface DocumentSummary {
  readonly images: number
  readonly tracks: number
  /** Names of attributes in use, by label. */
  readonly labels: ReadonlyMap<string, ReadonlySet<string>>
}

export interface TaskPart extends XmlScanner {
  summary(): DocumentSummary
}

const shapeTags = new Set(['box', 'polygon', 'polyline', 'points', 'ellipse', 'mask', 'cuboid', 'skeleton'])

export interface TaskPartEvents {
  /** The name under which an image is to stand in the task's part; undefined: its own. Called before {@link onImage}. */
  rename?(image: { readonly name: string }): string | undefined
  onImage?(image: DocumentImage): void
  /** The task's part of the document, as text. */
  onText?(text: string): void
}

/**
 * @param taskId in the document of a project: the task whose images are taken. Undefined: the document is of one task.
 * @throws BackupError `bad-document` where a project's document does not say whose an image is
 */
export function openTaskPart(taskId: number | undefined, { rename, onImage, onText }: TaskPartEvents): TaskPart {
  const labels = new Map<string, Set<string>>()
  let images = 0
  let tracks = 0
  let image: { name: string; number: number; tags: number; shapes: number } | undefined
  let isSkipped = false
  /** Elements that are open, from the image or track on. */
  const open: string[] = []
  let label: Set<string> | undefined

  /** @returns its tag as it is to stand in the part */
  const beginImage = ({ raw }: XmlToken): string => {
    const owner = readAttribute(raw, 'task_id')
    if (taskId !== undefined && owner === undefined) throw noOwner()
    isSkipped = taskId !== undefined && owner !== String(taskId)
    image = {
      name: readAttribute(raw, 'name') ?? '',
      number: Number(readAttribute(raw, 'id') ?? 'NaN'),
      tags: 0,
      shapes: 0,
    }
    const name = isSkipped ? undefined : rename?.(image)
    return name === undefined ? raw : writeAttribute(raw, 'name', name)
  }
  const endImage = () => {
    if (!isSkipped && image) {
      images++
      onImage?.(image)
    }
    image = undefined
  }
  const useLabel = (raw: string) => {
    const name = readAttribute(raw, 'label') ?? ''
    label = labels.get(name) ?? new Set()
    labels.set(name, label)
  }
  /** @param depth of the element that it stands in, the image or track being 1 */
  const count = ({ name, raw }: XmlToken, depth: number) => {
    if (isSkipped) return
    if (open[0] === 'image' && depth === 1 && (name === 'tag' || shapeTags.has(name))) {
      if (name === 'tag') image!.tags++
      else image!.shapes++
      useLabel(raw)
    }
    // Attributes of a skeleton's points belong to sublabels, which are not looked into.
    const isOwn = open[0] === 'image' ? depth === 2 : depth <= 2
    if (name === 'attribute' && isOwn && open.at(-1) !== 'image') label?.add(readAttribute(raw, 'name') ?? '')
  }
  const take = (token: XmlToken) => {
    const { kind, name, raw } = token
    const isOutside = open.length === 0
    if (isOutside && (kind === 'open' || kind === 'empty') && (name === 'image' || name === 'track')) {
      let text = raw
      if (name === 'image') text = beginImage(token)
      else {
        if (taskId !== undefined) throw noOwner()
        tracks++
        useLabel(raw)
      }
      if (kind === 'open') open.push(name)
      if (!isSkipped) onText?.(text)
      if (kind === 'empty' && name === 'image') endImage()
      if (kind === 'empty') isSkipped = false
      return
    }
    if (isOutside) {
      onText?.(raw)
      return
    }
    if (kind === 'open' || kind === 'empty') count(token, open.length)
    if (kind === 'open') open.push(name)
    if (!isSkipped) onText?.(raw)
    if (kind !== 'close') return
    open.pop()
    if (open.length > 0) return
    if (name === 'image') endImage()
    isSkipped = false
  }
  const scanner = openXmlScanner(take)
  return {
    push: scanner.push,
    end() {
      scanner.end()
      if (open.length > 0) throw noOwner()
    },
    summary: () => ({ images, tracks, labels }),
  }
}

function noOwner(): BackupError {
  return new BackupError('The document does not say which task an image or track belongs to', {
    code: 'bad-document',
    retryable: false,
    hint: 'Of a project, only exports in «CVAT for images 1.1» can be put back into one task.',
  })
}
