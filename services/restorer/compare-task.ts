// Holds a restored task against what was to be restored. Pure: every difference that a person should look at, in words.

import type { Difference } from '#shared/store/restore-state.ts'
import type { ExpectedJob, ExpectedTask } from './expect-content.ts'

export interface RestoredTask {
  readonly id: number
  readonly name: string
  readonly subset: string
  readonly frames: number
  readonly deletedFrames: readonly number[]
  readonly jobs: readonly ExpectedJob[]
  readonly annotations: number
  /** Undefined for a video. */
  readonly frameNames: string | undefined
}

export function compareTask(expected: ExpectedTask, restored: RestoredTask | undefined): Difference[] {
  const where = `task_${expected.position} "${expected.name}"`
  if (!restored) return [{ where, what: 'is missing' }]
  const found: Difference[] = []
  const tell = (what: string) => found.push({ where, what })
  const number = (what: string, here: number, there: number) => {
    if (here !== there) tell(`${what}: ${there}, the archive has ${here}`)
  }
  if (restored.name !== expected.name) tell(`is called "${restored.name}"`)
  if (restored.subset !== expected.subset) tell(`subset: "${restored.subset}", the archive has "${expected.subset}"`)
  number('frames', expected.frames, restored.frames)
  if (expected.observedFrames !== undefined && expected.observedFrames !== expected.frames) {
    tell(`frames: the archive has ${expected.frames}, the server had ${expected.observedFrames} when it was backed up`)
  }
  if (expected.annotations !== undefined) number('annotations', expected.annotations, restored.annotations)
  if (!sameNumbers(expected.deletedFrames, restored.deletedFrames)) {
    tell(`deleted frames: ${list(restored.deletedFrames)}, the archive has ${list(expected.deletedFrames)}`)
  }
  compareJobs(expected.jobs, restored.jobs, tell)
  if (
    expected.frameNames !== undefined &&
    restored.frameNames !== undefined &&
    expected.frames === restored.frames &&
    expected.frameNames !== restored.frameNames
  ) {
    tell('frames have other names, or another order')
  }
  return found
}

export function compareLabels(expected: readonly string[], restored: readonly string[]): Difference[] {
  const missing = expected.filter((name) => !restored.includes(name))
  const more = restored.filter((name) => !expected.includes(name))
  return [
    ...missing.map((name) => ({ where: 'labels', what: `"${name}" is missing` })),
    ...more.map((name) => ({ where: 'labels', what: `"${name}" is not in the archive` })),
  ]
}

function compareJobs(
  expected: readonly ExpectedJob[],
  restored: readonly ExpectedJob[],
  tell: (what: string) => void,
): void {
  const here = expected.map(formatJob).sort()
  const there = restored.map(formatJob).sort()
  if (here.length !== there.length) tell(`jobs: ${there.length}, the archive has ${here.length}`)
  else if (here.join() !== there.join()) tell('jobs have other frames or types')
}

function formatJob({ type, startFrame, stopFrame }: ExpectedJob): string {
  return `${type} ${startFrame}-${stopFrame}`
}

function sameNumbers(a: readonly number[], b: readonly number[]): boolean {
  return [...a].sort(byNumber).join() === [...b].sort(byNumber).join()
}

function byNumber(a: number, b: number): number {
  return a - b
}

function list(numbers: readonly number[]): string {
  if (numbers.length === 0) return 'none'
  const first = [...numbers].sort(byNumber).slice(0, 10).join(', ')
  return numbers.length > 10 ? `${first} and ${numbers.length - 10} more` : first
}
