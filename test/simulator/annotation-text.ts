// The two texts that hold annotations: annotations.json of a backup, annotations.xml of "CVAT for images".

import type { ArchivePlan, PlannedTask } from './archive-plan.ts'
import { exportedName, frameOf, numberRepeats } from './frames.ts'
import { imageElements, trackElements } from './restore/annotation-xml.ts'
import { escapeXml } from './xml-text.ts'

interface Shape {
  readonly frame: number
  readonly label: string
  readonly points: readonly number[]
}

/** One entry per job, as in CVAT's backups. */
export function annotationsJson(planned: PlannedTask): string {
  const shapes = listShapes(planned)
  const jobs = planned.jobs.filter((job) => job.type === 'annotation')
  const entries = jobs.map((job) => ({
    version: 0,
    tags: [],
    shapes: shapes
      .filter((shape) => shape.frame >= job.startFrame && shape.frame <= job.stopFrame)
      .map((shape) => ({
        type: 'rectangle',
        occluded: false,
        outside: false,
        z_order: 0,
        rotation: 0,
        points: shape.points,
        frame: shape.frame,
        group: 0,
        source: 'manual',
        attributes: [],
        score: 1,
        elements: [],
        label: shape.label,
      })),
    tracks: [],
  }))
  const groundTruth = planned.jobs.filter((job) => job.type === 'ground_truth')
  const empty = groundTruth.map(() => ({ version: 0, tags: [], shapes: [], tracks: [] }))
  return escapeLetters(JSON.stringify([...entries, ...empty]))
}

/** Letters outside ASCII are escaped with upper-case digits. */
export function escapeLetters(json: string): string {
  return json.replaceAll(
    /[^\x20-\x7e]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`,
  )
}

/** A "CVAT for images 1.1" document of a project or of one task. */
export function annotationsXml(plan: ArchivePlan): string {
  const body = plan.project ? projectXml(plan) : plan.tasks.map((planned) => taskXml(plan, planned, '    ')).join('')
  let nextImage = 0
  const unique = numberRepeats()
  const images = plan.tasks.map((planned) => {
    const text = imagesXml(planned, plan.format, nextImage, unique)
    nextImage += planned.task.data?.frames ?? 0
    return text
  })
  return [
    '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n  <meta>\n',
    body,
    `    <dumped>${xmlDate(plan.exportedDate)}</dumped>\n  </meta>\n`,
    ...images,
    '</annotations>\n',
  ].join('')
}

function projectXml(plan: ArchivePlan): string {
  const { project } = plan
  if (!project) return ''
  const subsets = [...new Set(plan.tasks.map(({ task }) => task.subset || 'default'))]
  return [
    '    <project>\n',
    `      <id>${project.id}</id>\n      <name>${escapeXml(project.name)}</name>\n      <bugtracker></bugtracker>\n`,
    `      <created>${xmlDate(project.createdDate)}</created>\n      <updated>${xmlDate(project.updatedDate)}</updated>\n`,
    '      <tasks>\n',
    ...plan.tasks.map((planned) => taskXml(plan, planned, '        ')),
    '      </tasks>\n',
    `      <subsets>${escapeXml(subsets.join('\n'))}</subsets>\n`,
    ownerXml(plan, project.ownerId, '      '),
    '      <labels>\n',
    ...project.labels.map((label) => labelXml(label.name, label.color, '        ')),
    '      </labels>\n    </project>\n',
  ].join('')
}

function taskXml(plan: ArchivePlan, { task, jobs, labels }: PlannedTask, indent: string): string {
  const field = (name: string, value: string | number) => `${indent}  <${name}>${escapeXml(String(value))}</${name}>\n`
  return [
    `${indent}<task>\n`,
    field('id', task.id),
    field('name', task.name),
    field('size', task.data?.frames ?? 0),
    field('mode', task.data?.mode ?? ''),
    field('overlap', 0),
    field('bugtracker', ''),
    field('created', xmlDate(task.createdDate)),
    field('updated', xmlDate(task.updatedDate)),
    field('subset', task.subset || 'default'),
    field('start_frame', 0),
    field('stop_frame', (task.data?.frames ?? 1) - 1),
    field('frame_filter', ''),
    `${indent}  <segments>\n`,
    ...jobs.map(
      (job) =>
        `${indent}    <segment>\n${indent}      <id>${job.id}</id>\n${indent}      <start>${job.startFrame}</start>\n` +
        `${indent}      <stop>${job.stopFrame}</stop>\n${indent}      <url>/api/jobs/${job.id}</url>\n${indent}    </segment>\n`,
    ),
    `${indent}  </segments>\n`,
    ownerXml(plan, task.ownerId, `${indent}  `),
    ...(plan.project
      ? []
      : [
          `${indent}  <labels>\n`,
          ...labels.map((label) => labelXml(label.name, label.color, `${indent}    `)),
          `${indent}  </labels>\n`,
        ]),
    `${indent}</task>\n`,
  ].join('')
}

function imagesXml(
  planned: PlannedTask,
  format: string | null,
  firstImage: number,
  unique: (path: string) => string,
): string {
  const { task } = planned
  if (!task.data) return ''
  const { stored } = task.annotations
  if (stored && format === 'CVAT for video 1.1') return trackElements(stored.jobs, task.data.frames).join('')
  const elements = stored && imageElements(stored.jobs, task.data.frames)
  const byFrame = Map.groupBy(stored ? [] : listShapes(planned), (shape) => shape.frame)
  const lines: string[] = []
  const subset = task.subset || 'default'
  for (let frame = 0; frame < task.data.frames; frame += 1) {
    const { width, height } = frameOf(task, frame)
    const name = unique(`${subset}/${exportedName(task, frame)}`).slice(subset.length + 1)
    lines.push(
      `  <image id="${firstImage + frame}" name="${escapeXml(name)}" subset="${escapeXml(subset)}" task_id="${task.id}" ` +
        `width="${width}" height="${height}">\n`,
    )
    for (const shape of byFrame.get(frame) ?? []) {
      const [left, top, right, bottom] = shape.points.map((value) => value.toFixed(2))
      lines.push(
        `    <box label="${escapeXml(shape.label)}" source="manual" occluded="0" xtl="${left}" ytl="${top}" ` +
          `xbr="${right}" ybr="${bottom}" z_order="0">\n    </box>\n`,
      )
    }
    lines.push(...(elements?.get(frame) ?? []), '  </image>\n')
  }
  return lines.join('')
}

function ownerXml(plan: ArchivePlan, ownerId: number, indent: string): string {
  const owner = plan.owners.get(ownerId)
  return (
    `${indent}<owner>\n${indent}  <username>${escapeXml(owner?.username ?? '')}</username>\n` +
    `${indent}  <email>${escapeXml(owner?.email ?? '')}</email>\n${indent}</owner>\n${indent}<assignee></assignee>\n`
  )
}

function labelXml(name: string, color: string, indent: string): string {
  return (
    `${indent}<label>\n${indent}  <name>${escapeXml(name)}</name>\n${indent}  <color>${color}</color>\n` +
    `${indent}  <type>any</type>\n${indent}  <attributes>\n${indent}  </attributes>\n${indent}</label>\n`
  )
}

/** Rectangles spread over the frames: some on each frame, and those that were drawn later on the first ones. */
function listShapes({ task, labels }: PlannedTask): Shape[] {
  const frames = task.data?.frames ?? 0
  if (frames === 0) return []
  const count = frames * task.annotations.shapesPerFrame + task.annotations.extraShapes
  const byId = labels.toSorted((a, b) => a.id - b.id)
  return Array.from({ length: count }, (_, index) => ({
    frame: index % frames,
    label: byId[index % Math.max(1, byId.length)]?.name ?? '',
    points: [2.5, 3 + (index % 7), 60 + (index % 13), 50],
  }))
}

function xmlDate(date: string): string {
  return date.replace('T', ' ').replace('Z', '+00:00')
}
