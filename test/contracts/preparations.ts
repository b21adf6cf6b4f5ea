// Ways to bring the simulator into the state that a recording was made in.

import { type ExportFate, horseMessage } from '../simulator/export-queue.ts'
import type { troubledAnswers } from '../simulator/faults.ts'
import type { Simulator } from '../simulator/simulator.ts'
import type { EntityKey } from '../simulator/world-records.ts'
import { exchange } from './recording.ts'

export interface Override {
  readonly headers?: Readonly<Record<string, string>>
  /** Stands for the recorded one, which names what only this run knows. */
  readonly target?: string
  /** The bytes that were sent: recordings name them only. */
  readonly body?: Buffer
}

export interface Step {
  readonly prepare?: (simulator: Simulator) => Promise<Override | undefined> | Override | undefined
  /** Parameters that were sent although the recording's target lacks them. */
  readonly query?: Readonly<Record<string, string>>
}

export const recordedHost = 'cvat.test:8080'
const base = `http://${recordedHost}`
export const images = 'CVAT for images 1.1'

export type Kind = 'backup' | 'dataset' | 'annotations'

export const project = (id: number): EntityKey => ({ type: 'project', id })
export const task = (id: number): EntityKey => ({ type: 'task', id })

export function order(
  simulator: Simulator,
  entity: EntityKey,
  kind: Kind = 'backup',
  format: string | null = null,
  fileName: string | null = null,
): string {
  return simulator.exports.post({ entity, kind, format, fileName, base }, simulator.world.user(1)).id
}

export function quietly(action: (simulator: Simulator) => unknown): (simulator: Simulator) => undefined {
  return (simulator) => {
    action(simulator)
    return undefined
  }
}

/** Backups that have been made, one after the other; actions in between are carried out. */
export function after(
  ...steps: (EntityKey | ((simulator: Simulator) => void))[]
): (simulator: Simulator) => Promise<undefined> {
  const actions = steps.filter((step) => typeof step === 'function')
  const entities = steps.filter((step) => typeof step !== 'function')
  return async (simulator) => {
    for (const action of actions) action(simulator)
    for (const entity of entities) {
      order(simulator, entity)
      await simulator.exports.whenIdle()
    }
    return undefined
  }
}

/** A finished backup, and headers made of what its download says. */
export function afterWith(
  entity: EntityKey,
  headers: (file: { etag: string; lastModified: string; size: number }) => Record<string, string>,
): (simulator: Simulator) => Promise<Override> {
  return async (simulator) => {
    const id = order(simulator, entity)
    await simulator.exports.whenIdle()
    const outcome = await exchange(simulator.url, {
      method: 'GET',
      target: `/api/projects/${entity.id}/backup/download?rq_id=${encodeURIComponent(id)}`,
      headers: { Authorization: basic('admin:admin-password'), Range: 'bytes=0-0' },
    })
    return {
      headers: headers({
        etag: String(outcome.headers.etag),
        lastModified: String(outcome.headers['last-modified']),
        size: Number(String(outcome.headers['content-range']).split('/')[1]),
      }),
    }
  }
}

export function exported(entity: EntityKey, kind: Kind, format = images): (simulator: Simulator) => Promise<undefined> {
  return async (simulator) => {
    order(simulator, entity, kind, format)
    await simulator.exports.whenIdle()
    return undefined
  }
}

export function holdQueued(
  entity: EntityKey,
  before: (simulator: Simulator) => void = () => {},
): (simulator: Simulator) => Promise<undefined> {
  return async (simulator) => {
    before(simulator)
    simulator.exports.pause()
    order(simulator, entity)
    return undefined
  }
}

export function hold(entity: EntityKey): (simulator: Simulator) => undefined {
  return (simulator) => {
    simulator.faults.addExport({ entity, fate: { kind: 'hold' } })
    order(simulator, entity)
    return undefined
  }
}

export function ending(entity: EntityKey, fate: ExportFate): (simulator: Simulator) => Promise<undefined> {
  return async (simulator) => {
    simulator.faults.addExport({ entity, fate, times: 1 })
    order(simulator, entity)
    await simulator.exports.whenIdle()
    return undefined
  }
}

export async function abandoned(simulator: Simulator): Promise<undefined> {
  await ending(project(6), { kind: 'kill-worker' })(simulator)
  simulator.world.clock.advance(115_000)
  simulator.exports.list(simulator.world.user(1))
  return undefined
}

/** The message of the first failure stays on the second, whose own is never written. */
export async function abandonedAfterFailure(simulator: Simulator): Promise<undefined> {
  await ending(project(6), { kind: 'fail', message: horseMessage })(simulator)
  return await abandoned(simulator)
}

export function answering(answer: typeof troubledAnswers.badGateway): (simulator: Simulator) => undefined {
  return ({ faults }) => {
    faults.add({ fault: { kind: 'answer', answer: answer() } })
    return undefined
  }
}

export async function throttled(simulator: Simulator): Promise<undefined> {
  const about = { method: 'GET', target: '/api/server/about', headers: {} }
  for (let call = 0; call < 100; call += 1) await exchange(simulator.url, about)
  return undefined
}

/** So many finished requests of different ids, none of which any other step uses. */
export async function many(simulator: Simulator, count: number): Promise<void> {
  const kinds: readonly [Kind, string][] = [
    ['annotations', 'YOLO 1.1'],
    ['annotations', 'COCO 1.0'],
    ['annotations', 'LabelMe 3.0'],
  ]
  let made = 0
  for (const [kind, format] of kinds) {
    for (const id of simulator.world.projects.keys()) {
      if (made === count) break
      order(simulator, project(id), kind, format)
      made += 1
    }
  }
  await simulator.exports.whenIdle()
}

export function addTaskWithoutData({ world }: Simulator, projectId: number | null, id: number): void {
  world.addTask({ id, name: 'nodata', projectId, hasData: false })
}

export function addProject20(simulator: Simulator): void {
  simulator.world.addProject({ id: 20, name: 'tmp p2' })
  addTaskWithoutData(simulator, 20, 30)
}

/** Tasks up to this id have been and gone. */
export function skipIds(lastId: number): (simulator: Simulator) => undefined {
  return quietly((simulator) => {
    addTaskWithoutData(simulator, null, lastId)
    simulator.world.deleteTask(lastId)
  })
}

export function basic(credentials: string): string {
  return `Basic ${Buffer.from(credentials).toString('base64')}`
}
