// Members of a small backup as CVAT writes it, for a test to change one thing in.

import type { Observation, TaskObservation } from '#shared/model/observation.ts'
import type { MemberPlan } from './build-zip.ts'

const date = '2026-11-22T20:31:45.123456Z'

interface TaskShape {
  readonly frames?: number
  readonly name?: string
  /** What the pictures show. */
  readonly media?: string
}

export function planTask(prefix = '', { frames = 3, name = 'a task', media = name }: TaskShape = {}): MemberPlan[] {
  const pictures = Array.from({ length: frames }, (_, index) => `picture_${index}`)
  const manifest = [
    { version: '1.1' },
    { type: 'images' },
    ...pictures.map((picture) => ({ name: picture, extension: '.png', width: 4, height: 3 })),
  ]
  const taskJson = {
    name,
    labels: [{ name: 'car', type: 'any', sublabels: [] }],
    data: { storage_method: 'cache', sorting_method: 'lexicographical', deleted_frames: [] },
    jobs: [{ type: 'annotation', start_frame: 0, stop_frame: frames - 1 }],
  }
  const annotations = [{ version: 0, tags: [], shapes: [{ type: 'rectangle', elements: [] }], tracks: [] }]
  return [
    ...pictures.map((picture, index) => ({
      name: `${prefix}data/${picture}.png`,
      data: `pixels of ${media} ${index}`,
    })),
    { name: `${prefix}data/manifest.jsonl`, data: manifest.map((line) => `${JSON.stringify(line)}\n`).join('') },
    { name: `${prefix}task.json`, data: JSON.stringify(taskJson) },
    { name: `${prefix}annotations.json`, data: JSON.stringify(annotations) },
  ]
}

export function planProject(...tasks: MemberPlan[][]): MemberPlan[] {
  return [{ name: 'project.json', data: JSON.stringify({ name: 'a project', labels: [] }) }, ...tasks.flat()]
}

/** What the server says of an entity whose tasks have so many frames. */
export function observe(...sizes: number[]): Observation {
  const tasks = sizes.map((size, index): TaskObservation => {
    const id = 101 + index
    return { id, name: `task ${id}`, subset: '', size, updatedDate: date, jobCount: 1, newestJobDate: date }
  })
  return { name: 'alpha', organization: null, updatedDate: date, tasks }
}

/** The members without those that match, or with other data where `change` gives some. */
export function without(members: readonly MemberPlan[], pattern: RegExp): MemberPlan[] {
  return members.filter(({ name }) => !pattern.test(name))
}

export function withData(members: readonly MemberPlan[], name: string, data: string): MemberPlan[] {
  return members.map((member) => (member.name === name ? { ...member, data } : member))
}

export function withClaims(members: readonly MemberPlan[], name: string, claims: MemberPlan['claims']): MemberPlan[] {
  return members.map((member) => (member.name === name ? { ...member, ...(claims && { claims }) } : member))
}
