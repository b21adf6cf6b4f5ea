// What share of a task's archive is new after somebody has annotated in it, and what follows for the disk.

import { listMembers } from '../../test/simulator/archive-members.ts'
import { planArchive } from '../../test/simulator/archive-plan.ts'
import { World } from '../../test/simulator/world.ts'
import type { Scenario } from '../support/scenario.ts'

const sizes = { smoke: 3, default: 200, full: 1_000 }
/** Thumbnails, photographs of a phone, scans; shapes of a first pass, of street scenes, of cells. */
const KB_PER_FRAME = [20, 200, 2_000]
const SHAPES_PER_FRAME = [1, 10, 100]
const NIGHTS = 30
const CHANGED = 0.02

export const taskChange: Scenario = {
  name: 'task-change',
  about: 'the share of a task’s archive that one more shape changes',
  async run({ size }) {
    const frames = sizes[size]
    const shares = KB_PER_FRAME.flatMap((kilobytes) =>
      SHAPES_PER_FRAME.map((shapes) => ({ kilobytes, shapes, share: measureShare(frames, kilobytes * 1000, shapes) })),
    )
    const snapshots = (share: number) => 1 + (NIGHTS - 1) * CHANGED * share
    return {
      settings: { frames, nights: NIGHTS, changedTasksEachNight: '2 %' },
      rows: shares.flatMap(({ kilobytes, shapes, share }) => {
        const what = `${kilobytes} kB and ${shapes} shapes a frame`
        return [
          { what: `${what}: new members`, aim: '', unit: '% of the bytes', values: [share * 100] },
          {
            ...{ what: `${what}: ${NIGHTS} nights with media once`, aim: '', unit: '× one full' },
            values: [snapshots(share)],
            baseline: { what: 'whole archives of tasks', values: [snapshots(1)] },
          },
        ]
      }),
    }
  },
}

/** Members that are not, with their CRC-32, in the archive of before; by bytes. */
function measureShare(frames: number, bytesPerFrame: number, shapesPerFrame: number): number {
  const world = new World()
  world.addUser({ username: 'admin', password: 'admin-password', isSuperuser: true })
  const { id } = world.addTask({ projectId: null, name: 'task', frames, bytesPerFrame, shapesPerFrame })
  const read = () =>
    listMembers(planArchive(world, { type: 'task', id }, 'backup', null)).map(({ name, content }) => ({
      ...{ key: `${name} ${content.size} ${content.crc}`, bytes: content.size },
    }))
  const before = new Set(read().map(({ key }) => key))
  world.annotate(id)
  const after = read()
  const total = (members: typeof after) => members.reduce((sum, { bytes }) => sum + bytes, 0)
  return total(after.filter(({ key }) => !before.has(key))) / total(after)
}
