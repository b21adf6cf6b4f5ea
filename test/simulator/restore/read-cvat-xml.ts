// The annotations of a "CVAT 1.1" document (CVAT for images and CVAT for video), with frames as the document tells of them.

import { ImportError } from './import-error.ts'
import { parseXml, type XmlElement } from './parse-xml.ts'
import type { JsonObject } from './restored-task.ts'
import { openUploadedZip, textOf } from './uploaded-zip.ts'

export interface DocumentImage {
  /** Without its ending: what frames are matched by. */
  readonly name: string
  readonly number: number
  readonly tags: readonly JsonObject[]
  readonly shapes: readonly JsonObject[]
}

export interface AnnotationDocument {
  readonly images: readonly DocumentImage[]
  readonly tracks: readonly JsonObject[]
}

const shapeKinds: Readonly<Record<string, string>> = {
  ...{ box: 'rectangle', polygon: 'polygon', polyline: 'polyline', points: 'points', ellipse: 'ellipse' },
  ...{ mask: 'mask', cuboid: 'cuboid', skeleton: 'skeleton' },
}

/** Takes a zip with an .xml in it, or the .xml itself. Anything else is read as XML, and fails as that. */
export async function readAnnotationFile(path: string, readWhole: () => Promise<Buffer>): Promise<AnnotationDocument> {
  let text: string
  try {
    const zip = await openUploadedZip(path)
    const member = zip.members.find(({ name }) => name.toLowerCase().endsWith('.xml'))
    if (!member) throw new ImportError(noDocument)
    text = textOf(member)
  } catch (error) {
    if (!(error instanceof ImportError) || !error.message.startsWith('zipfile.')) throw error
    text = (await readWhole()).toString('utf8')
  }
  const root = parseXml(text)
  return {
    images: root.children.filter(({ name }) => name === 'image').map(readImage),
    tracks: root.children.filter(({ name }) => name === 'track').map((track) => readTrack(track)),
  }
}

const noDocument =
  'cvat.apps.dataset_manager.bindings.CvatDatasetNotFoundError: Check [format docs]' +
  '(https://docs.cvat.ai/docs//manual/advanced/formats/format-cvat). Dataset must contain a file: "*.xml"'

function readImage(image: XmlElement): DocumentImage {
  const { name = '', id = '0' } = image.attributes
  const shapes = image.children.filter((child) => child.name in shapeKinds)
  return {
    name: name.replace(/\.\w+$/, ''),
    number: Number(id),
    tags: image.children
      .filter((child) => child.name === 'tag')
      .map((tag) => ({
        ...{ frame: 0, group: groupOf(tag), source: 'file', attributes: attributesOf(tag) },
        label: tag.attributes.label ?? '',
      })),
    shapes: shapes.map((shape) => readShape(shape, 0)),
  }
}

function readShape(element: XmlElement, frame: number, isElement = false): JsonObject {
  const { attributes } = element
  return {
    type: shapeKinds[element.name],
    occluded: attributes.occluded === '1',
    outside: attributes.outside === '1',
    z_order: Number(attributes.z_order ?? 0),
    rotation: Number(attributes.rotation ?? 0),
    points: pointsOf(element),
    frame,
    group: groupOf(element),
    source: attributes.source ?? 'manual',
    attributes: attributesOf(element),
    score: 1,
    ...(!isElement && {
      elements: element.name === 'skeleton' ? elementsOf(element).map((child) => readShape(child, frame, true)) : [],
    }),
    label: attributes.label ?? '',
  }
}

function readTrack(track: XmlElement, isElement = false): JsonObject {
  const keyframes = track.children.filter(
    ({ name, attributes }) => name in shapeKinds && attributes.keyframe !== '0' && attributes.frame !== undefined,
  )
  const shapes = keyframes.map((shape) => {
    const {
      label: _,
      elements: __,
      group: ___,
      source: ____,
      score: _____,
      ...rest
    } = readShape(shape, Number(shape.attributes.frame))
    return rest
  })
  return {
    frame: Number(shapes[0]?.frame ?? 0),
    group: groupOf(track),
    source: track.attributes.source ?? 'manual',
    shapes,
    attributes: attributesOf(track),
    ...(!isElement && {
      elements: track.children.filter(({ name }) => name === 'track').map((child) => readTrack(child, true)),
    }),
    label: track.attributes.label ?? '',
  }
}

function pointsOf({ name, attributes }: XmlElement): number[] {
  const numbers = (...names: string[]) => names.map((key) => Number(attributes[key] ?? 0))
  if (name === 'box') return numbers('xtl', 'ytl', 'xbr', 'ybr')
  if (name === 'ellipse') {
    const [cx = 0, cy = 0, rx = 0, ry = 0] = numbers('cx', 'cy', 'rx', 'ry')
    return [cx, cy, cx + rx, cy - ry]
  }
  if (name === 'mask') {
    const [left = 0, top = 0, width = 0, height = 0] = numbers('left', 'top', 'width', 'height')
    const runs = (attributes.rle ?? '')
      .split(/\s*,\s*/)
      .filter(Boolean)
      .map(Number)
    return [...runs, left, top, left + width - 1, top + height - 1]
  }
  if (name === 'cuboid') {
    return ['tl1', 'bl1', 'tr1', 'br1', 'tl2', 'bl2', 'tr2', 'br2'].flatMap((corner) =>
      numbers(`x${corner}`, `y${corner}`),
    )
  }
  return (attributes.points ?? '').split(/[;,]/).filter(Boolean).map(Number)
}

function attributesOf(element: XmlElement): JsonObject[] {
  return element.children
    .filter(({ name }) => name === 'attribute')
    .map(({ attributes, text }) => ({ value: text, name: attributes.name ?? '' }))
}

function elementsOf(element: XmlElement): XmlElement[] {
  return element.children.filter(({ name }) => name in shapeKinds)
}

function groupOf({ attributes }: XmlElement): number {
  return Number(attributes.group_id ?? 0)
}
