// The members of an archive as CVAT writes them: names, order, time stamps and contents.

import { annotationsXml } from './annotation-text.ts'
import { projectJson, taskJson } from './archive-json.ts'
import type { ArchivePlan, PlannedGuide, PlannedTask } from './archive-plan.ts'
import { exportedName, frameName, frameSize, numberRepeats } from './frames.ts'
import { pictureBytes, storedBytes, textBytes, videoBytes } from './media-bytes.ts'
import { annotationsContent } from './restore/stored-annotations.ts'
import type { Task } from './world-records.ts'
import type { ZipMember } from './zip-layout.ts'

const fileMode = 0o100644
const textMode = 0o600

/** The archive's members in CVAT's order. */
export function listMembers(plan: ArchivePlan): ZipMember[] {
  if (plan.kind !== 'backup') return datasetMembers(plan)
  if (!plan.project) return plan.tasks.flatMap((planned) => taskMembers(plan, planned, ''))
  return [
    ...guideMembers(plan, plan.project.guide, ''),
    writtenAtExport(plan, 'project.json', textBytes(projectJson(plan))),
    ...plan.tasks.flatMap((planned, position) => taskMembers(plan, planned, `task_${position}/`)),
  ]
}

/** A task's members, its guide last; none at all for a task without data, which CVAT skips without a word. */
function taskMembers(plan: ArchivePlan, planned: PlannedTask, prefix: string): ZipMember[] {
  if (!planned.task.data) return []
  return [
    ...mediaMembers(planned.task, `${prefix}data/`),
    writtenAtExport(plan, `${prefix}task.json`, textBytes(taskJson(planned))),
    writtenAtExport(plan, `${prefix}annotations.json`, annotationsContent(planned)),
    ...guideMembers(plan, planned.guide, prefix),
  ]
}

/** Pictures come first, under their own names. An empty guide is an empty member, and lost when it is restored. */
function guideMembers(plan: ArchivePlan, guide: PlannedGuide | null, prefix: string): ZipMember[] {
  if (!guide) return []
  let text = guide.markdown
  for (const asset of guide.assets)
    text = text.replaceAll(`/api/assets/${asset.uuid}`, () => `assets/${asset.fileName}`)
  return [
    ...guide.assets.map((asset) => ({
      name: `${prefix}assets/${asset.fileName}`,
      modifiedMs: plan.exportedMs,
      mode: textMode,
      content: storedBytes(asset.content),
    })),
    writtenAtExport(plan, `${prefix}annotation_guide.md`, textBytes(text)),
  ]
}

function mediaMembers(task: Task, prefix: string): ZipMember[] {
  const { data, restored } = task
  if (!data || data.isMissing) return []
  if (restored) return restored.media.map((member) => ({ ...member, name: prefix + member.name }))
  const modifiedMs = Date.parse(data.uploadedDate)
  const member = (name: string, content: ZipMember['content']): ZipMember => ({
    name: prefix + name,
    modifiedMs,
    mode: fileMode,
    content,
  })
  const manifest = member('manifest.jsonl', textBytes(manifestText(task)))
  if (data.mode === 'interpolation') {
    return [manifest, member('video.mp4', videoBytes(`video ${data.seed}`, data.frames * data.bytesPerFrame))]
  }
  const pictures = Array.from({ length: data.frames }, (_, frame) =>
    member(frameName(frame), pictureBytes(`${data.seed}/${frame}`, data.bytesPerFrame)),
  )
  // CVAT lists the folder as the file system gives it, not sorted: odd frames first stands for that.
  return [
    ...pictures.filter((_, frame) => frame % 2 === 1),
    manifest,
    ...pictures.filter((_, frame) => frame % 2 === 0),
  ]
}

function manifestText(task: Task): string {
  const { data } = task
  if (!data) return ''
  const lines: object[] = [{ version: '1.1' }]
  if (data.mode === 'interpolation') {
    lines.push({ type: 'video' })
    lines.push({ properties: { name: 'video.mp4', resolution: [64, 48], length: data.frames, chapters: [] } })
    for (let frame = 0; frame < data.frames; frame += 5) {
      lines.push({ number: frame, pts: frame * 1024, checksum: String(frame).padStart(32, '0') })
    }
  } else {
    lines.push({ type: 'images' })
    for (let frame = 0; frame < data.frames; frame += 1) {
      lines.push({ name: frameName(frame).slice(0, -4), extension: '.jpg', ...frameSize(data.seed, frame) })
    }
  }
  return `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`
}

function datasetMembers(plan: ArchivePlan): ZipMember[] {
  const written = (name: string, content: ZipMember['content']): ZipMember => ({
    name,
    modifiedMs: plan.exportedMs,
    mode: fileMode,
    content,
  })
  const text = plan.format?.startsWith('CVAT for')
    ? written('annotations.xml', textBytes(annotationsXml(plan)))
    : written('annotations/instances_default.json', textBytes(JSON.stringify({ images: [], annotations: [] })))
  if (plan.kind === 'annotations') return [text]
  const pictures = plan.tasks.flatMap(({ task }) => {
    const folder = plan.project ? `images/${task.subset || 'default'}/` : 'images/'
    if (task.data?.mode === 'interpolation') return videoPictures(task, folder)
    return mediaMembers(task, folder).filter((member) => !member.name.endsWith('manifest.jsonl'))
  })
  const unique = numberRepeats()
  return [text, ...pictures.map((member) => ({ ...member, name: unique(member.name), modifiedMs: plan.exportedMs }))]
}

/** Of a video each frame is written as a picture (known from CVAT's source, not recorded). */
function videoPictures(task: Task, folder: string): ZipMember[] {
  const { data } = task
  if (!data || data.isMissing) return []
  return Array.from({ length: data.frames }, (_, frame) => ({
    name: `${folder}${exportedName(task, frame)}.PNG`,
    modifiedMs: Date.parse(data.uploadedDate),
    mode: fileMode,
    content: pictureBytes(`${data.seed}/${frame}`, data.bytesPerFrame),
  }))
}

function writtenAtExport(plan: ArchivePlan, name: string, content: ZipMember['content']): ZipMember {
  return { name, modifiedMs: plan.exportedMs, mode: textMode, content }
}
