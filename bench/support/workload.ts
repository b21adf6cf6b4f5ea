// Projects of very different sizes, the same ones every time: export times and file sizes with a long tail.

import { seededChance } from '../../test/faults/seeded-random.ts'
import type { World } from '../../test/simulator/world.ts'

export interface WorkloadSeed {
  readonly projects: number
  /** Of the shortest and the longest export. */
  readonly exportMs: readonly [number, number]
  /** Of the smallest and the largest file. */
  readonly sizeBytes: readonly [number, number]
}

export interface PlannedProject {
  readonly exportMs: number
  readonly sizeBytes: number
  readonly frames: number
}

/** 200 projects, exports of 0.2 to 8 s, half of them below 0.6 s; files of 100 kB to 200 MB. */
export const longTail: WorkloadSeed = { projects: 200, exportMs: [200, 8_000], sizeBytes: [100_000, 200_000_000] }
export const LONG_TAIL_BYTES_PER_SECOND = 200_000_000

/** The same exports with a tenth of the bytes and of the bandwidth, for machines that others use too. */
export const lightTail: WorkloadSeed = { ...longTail, sizeBytes: [100_000, 20_000_000] }
export const LIGHT_TAIL_BYTES_PER_SECOND = 20_000_000

const FRAME_BYTES = 300_000
/** How much of an export's time goes with the size of its file; the rest is chance. */
const SIZE_SHARE = 0.7

/** In the order of their ids, which has nothing to do with size. */
export function planWorkload({ projects, exportMs, sizeBytes }: WorkloadSeed): PlannedProject[] {
  const { next: random } = seededChance(20_261_126)
  const bySize = Array.from({ length: projects }, (_, index) => index / Math.max(1, projects - 1))
  const noisy = bySize.map((rank) => ({ rank, key: SIZE_SHARE * rank + (1 - SIZE_SHARE) * random() }))
  const byTime = noisy.sort((a, b) => a.key - b.key)
  const planned = byTime.map(({ rank: sizeRank }, index): PlannedProject => {
    const timeRank = bySize[index]!
    const bytes = Math.round(sizeBytes[0] * (sizeBytes[1] / sizeBytes[0]) ** sizeRank)
    return {
      // The square of the rank makes the tail: few are long.
      exportMs: Math.round(exportMs[0] * (exportMs[1] / exportMs[0]) ** (timeRank * timeRank)),
      sizeBytes: bytes,
      frames: Math.max(1, Math.round(bytes / FRAME_BYTES)),
    }
  })
  return shuffle(planned, random)
}

/** Adds them to a world; gives the export time of each by its id. */
export function seedWorkload(world: World, seed: WorkloadSeed): Map<number, number> {
  const times = new Map<number, number>()
  for (const [index, { exportMs, sizeBytes, frames }] of planWorkload(seed).entries()) {
    const { id } = world.addProject({ name: `project ${index + 1}`, labels: ['car'] })
    const bytesPerFrame = Math.max(100, Math.round(sizeBytes / frames))
    world.addTask({ projectId: id, name: `task of project ${index + 1}`, frames, bytesPerFrame })
    times.set(id, exportMs)
  }
  return times
}

/**
 * Milliseconds below which no client can bring all of it home: the exports shared out evenly, or all bytes, whichever
 * takes longer, then the transfer of the smallest file, since one has to be the last. An export cannot be split either.
 */
export function lowerBoundMs(
  planned: readonly PlannedProject[],
  exportWorkers: number,
  bytesPerSecond: number,
): number {
  const exportMs = planned.reduce((sum, project) => sum + project.exportMs, 0) / exportWorkers
  const longestMs = Math.max(...planned.map((project) => project.exportMs))
  const bytes = planned.reduce((sum, project) => sum + project.sizeBytes, 0)
  const lastFileMs = (Math.min(...planned.map((project) => project.sizeBytes)) / bytesPerSecond) * 1000
  return Math.max(exportMs, longestMs, (bytes / bytesPerSecond) * 1000) + lastFileMs
}

function shuffle<T>(items: T[], random: () => number): T[] {
  for (let index = items.length - 1; index > 0; index--) {
    const other = Math.floor(random() * (index + 1))
    ;[items[index], items[other]] = [items[other]!, items[index]!]
  }
  return items
}
