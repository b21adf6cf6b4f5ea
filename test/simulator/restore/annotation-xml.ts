// Stored annotations as the two CVAT documents hold them, with what each of them loses: for images, tracks become shapes;
// for video, shapes become tracks and tags are gone.

import { escapeXml } from '../xml-text.ts'
import type { JobAnnotations, JsonObject } from './restored-task.ts'

const elementNames: Readonly<Record<string, string>> = { rectangle: 'box' }

/** Of each frame, the elements inside its `<image>`. What overlapping jobs both hold is there twice. */
export function imageElements(jobs: readonly JobAnnotations[], frames: number): Map<number, string[]> {
  const byFrame = new Map<number, string[]>()
  const add = (frame: number, text: string) => byFrame.set(frame, [...(byFrame.get(frame) ?? []), text])
  for (const job of jobs) {
    for (const shape of job.shapes) add(Number(shape.frame), shapeXml(shape, '    '))
    for (const track of job.tracks) {
      for (const shape of walkTrack(track, frames)) add(Number(shape.frame), shapeXml(shape, '    '))
    }
    for (const tag of job.tags) {
      const head = `    <tag label="${escapeXml(String(tag.label))}" source="${tag.source}"${groupOf(tag)}>\n`
      add(Number(tag.frame), `${head}${attributesXml(tag.attributes, '      ')}    </tag>\n`)
    }
  }
  return byFrame
}

/** The document's `<track>` elements, numbered from 0. */
export function trackElements(jobs: readonly JobAnnotations[], frames: number): string[] {
  const tracks = jobs.flatMap((job) => [
    ...job.tracks,
    ...job.shapes.map((shape) => {
      const after = Number(shape.frame) + 1
      const end = after < frames ? [{ ...shape, frame: after, outside: true }] : []
      return { ...shape, shapes: [shape, ...end], attributes: [] }
    }),
  ])
  return tracks.map((track, index) => trackXml(track, `id="${index}" `, '  '))
}

function trackXml(track: JsonObject, id: string, indent: string): string {
  const shapes = listOf(track.shapes).map((shape) => {
    const place = `keyframe="1" frame="${shape.frame}" outside="${shape.outside ? 1 : 0}" `
    return shapeXml({ ...shape, elements: [] }, `${indent}  `, place)
  })
  const elements = listOf(track.elements).filter((element) => element.shapes !== undefined)
  return [
    `${indent}<track ${id}label="${escapeXml(String(track.label))}" source="${track.source}"${groupOf(track)}>\n`,
    ...shapes,
    ...elements.map((element) => trackXml(element, '', `${indent}  `)),
    `${indent}</track>\n`,
  ].join('')
}

/** @param place what says where a shape of a track is; shapes of images carry label and source instead */
function shapeXml(shape: JsonObject, indent: string, place?: string): string {
  const name = elementNames[String(shape.type)] ?? String(shape.type)
  const own = place ?? `label="${escapeXml(String(shape.label))}" source="${shape.source ?? 'manual'}" `
  const rotation = Number(shape.rotation ?? 0) === 0 ? '' : ` rotation="${fixed(shape.rotation)}"`
  const head = `${own}occluded="${shape.occluded ? 1 : 0}"${geometryXml(shape)}${rotation} z_order="${shape.z_order ?? 0}"`
  const elements = listOf(shape.elements).map((element) => shapeXml(element, `${indent}  `, placeOfElement(element)))
  return [
    `${indent}<${name} ${head}${place ? '' : groupOf(shape)}>\n`,
    ...elements,
    attributesXml(shape.attributes, `${indent}  `),
    `${indent}</${name}>\n`,
  ].join('')
}

function placeOfElement(element: JsonObject): string {
  return `label="${escapeXml(String(element.label))}" source="${element.source ?? 'manual'}" outside="${element.outside ? 1 : 0}" `
}

function geometryXml({ type, points: given }: JsonObject): string {
  const points = (Array.isArray(given) ? given : []).map(Number)
  const [x = 0, y = 0, right = 0, top = 0] = points
  switch (type) {
    case 'rectangle':
      return ` xtl="${fixed(x)}" ytl="${fixed(y)}" xbr="${fixed(right)}" ybr="${fixed(top)}"`
    case 'ellipse':
      return ` cx="${fixed(x)}" cy="${fixed(y)}" rx="${fixed(right - x)}" ry="${fixed(y - top)}"`
    case 'mask': {
      const [left = 0, upper = 0, last = 0, lower = 0] = points.slice(-4)
      const place = `left="${left}" top="${upper}" width="${last - left + 1}" height="${lower - upper + 1}"`
      return ` rle="${points.slice(0, -4).join(', ')}" ${place}`
    }
    case 'cuboid':
      return ['tl1', 'bl1', 'tr1', 'br1', 'tl2', 'bl2', 'tr2', 'br2']
        .map(
          (corner, index) => ` x${corner}="${fixed(points[index * 2])}" y${corner}="${fixed(points[index * 2 + 1])}"`,
        )
        .join('')
    case 'skeleton':
      return ''
    default:
      return ` points="${points
        .map((value, index) => fixed(value) + (index % 2 === 0 ? ',' : ';'))
        .join('')
        .slice(0, -1)}"`
  }
}

/** The track's shape on every frame on which it is inside the picture, its last position held between keyframes. */
function* walkTrack(track: JsonObject, frames: number): Generator<JsonObject> {
  const keyframes = listOf(track.shapes)
  for (const [index, shape] of keyframes.entries()) {
    if (shape.outside === true) continue
    const end = Number(keyframes[index + 1]?.frame ?? frames)
    for (let frame = Number(shape.frame); frame < end; frame += 1) {
      const elements = listOf(track.elements).flatMap((element) => {
        const position = listOf(element.shapes).findLast((place) => Number(place.frame) <= frame)
        return position ? [{ ...position, label: element.label, source: element.source }] : []
      })
      const attributes = [...listOf(track.attributes), ...listOf(shape.attributes)]
      yield { ...shape, frame, attributes, elements, label: track.label, source: track.source, group: track.group }
    }
  }
}

function attributesXml(attributes: unknown, indent: string): string {
  return listOf(attributes)
    .map(
      ({ name, value }) =>
        `${indent}<attribute name="${escapeXml(String(name))}">${escapeXml(String(value))}</attribute>\n`,
    )
    .join('')
}

function groupOf({ group }: JsonObject): string {
  return typeof group === 'number' && group > 0 ? ` group_id="${group}"` : ''
}

function fixed(value: unknown): string {
  return Number(value ?? 0).toFixed(2)
}

function listOf(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value : []
}
