// The simulator's archives compose as a real CVAT's do, whatever has been changed: a project's own export is what is made of
// the API's answers, and the exports of its tasks.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { writeProjectPart } from '#services/downloader/write-project-part.ts'
import { planFolder } from '#shared/composition/composition-plan.ts'
import { openComposedArchive } from '#shared/composition/open-composed-archive.ts'
import { type CvatClient, openCvatClient } from '#shared/cvat/client.ts'
import { describeFile, writeOut } from '../shared/composition/composed-files.ts'
import { noAbort } from '../shared/cvat/test-client.ts'
import { makeTemporaryFolder } from '../shared/store/temporary-folder.ts'
import { describeProject } from '../support/describe-project.ts'
import { readExport } from '../support/simulated-export.ts'
import { type Simulator, startSimulator } from './simulator.ts'
import { createWorld } from './test-world.ts'

async function compose(simulator: Simulator, cvat: CvatClient, id: number): Promise<string> {
  const part = join(await makeTemporaryFolder(), 'part.zip')
  await writeFile(part, '')
  await writeProjectPart(id, { cvat: cvat.descriptions, path: part, signal: noAbort() })
  const parts = [planFolder(await describeFile(part), '', '')]
  for (const [position, task] of simulator.world.tasksOf(id).entries()) {
    if (!task.data) continue
    const own = await readExport(simulator, { type: 'task', id: task.id })
    parts.push(planFolder(await describeFile(own), '', `task_${position}/`))
  }
  return writeOut(await openComposedArchive({ parts }))
}

it('a project’s export is its project part and its tasks’ exports, after every kind of change', async () => {
  const world = createWorld()
  const project = world.addProject({ name: 'p “ü”', labels: ['a', 'b', 'c'] })
  const other = world.addProject({ name: 'other' })
  const [first, second, video] = [
    world.addTask({ projectId: project.id, name: 'first', frames: 4, jobs: 2 }),
    world.addTask({ projectId: project.id, name: 'second', frames: 3, subset: 'Train' }),
    world.addTask({ projectId: project.id, name: 'video', frames: 10, mode: 'interpolation' }),
  ]
  await using simulator = await startSimulator({ world, capacity: { basicCostMs: 0, exportMs: 1 } })
  const accessToken = world.addAccessToken('admin').value
  await using cvat = openCvatClient({ url: simulator.url, credentials: { accessToken } })
  const entity = { type: 'project', id: project.id } as const
  const changes: Record<string, () => unknown> = {
    nothing: () => undefined,
    'a shape': () => world.annotate(first.id),
    'a label renamed': () => world.changeLabel(project.labelIds[0]!, { name: 'renamed' }),
    'a label’s colour': () => world.changeLabel(project.labelIds[1]!, { color: '#123456' }),
    'a label added': () => world.addLabel(entity, 'd'),
    'a label deleted': () => world.deleteLabel(project.labelIds[0]!),
    'a guide': () => world.setGuide(entity, '# guide'),
    'a picture in it': () => {
      const { uuid } = world.addAsset(project.guideId!, 'b c.png', Buffer.from('picture'))
      world.setGuide(entity, `![](/api/assets/${uuid})`)
    },
    renamed: () => world.renameProject(project.id, 'renamed'),
    'a task renamed': () => world.renameTask(second.id, 'renamed'),
    'a subset': () => world.setSubset(second.id, 'Test'),
    'a frame deleted': () => world.deleteFrame(first.id, 1),
    'a frame restored': () => world.restoreFrame(first.id, 1),
    'a ground truth job': () => world.addGroundTruthJob(first.id, [0]),
    'a job’s stage': () => world.setJobStage(world.task(second.id).jobIds[0]!, 'acceptance'),
    'a job’s state': () => world.setJobState(world.task(first.id).jobIds[0]!, 'completed'),
    'an assignee': () => world.assignTask(first.id, 'admin'),
    'a task without data': () => world.addTask({ projectId: project.id, name: 'none', hasData: false }),
    'a task added': () => world.addTask({ projectId: project.id, name: 'last', frames: 2 }),
    'a task moved out': () => world.moveTask(first.id, other.id),
    'a task deleted': () => world.deleteTask(video.id),
    'a task moved in again': () => world.moveTask(first.id, project.id),
    'media gone': () => world.removeMedia(second.id),
    'the guide deleted': () => world.deleteGuide(project.guideId!),
  }
  for (const [name, change] of Object.entries(changes)) {
    change()
    const own = await describeProject(await readExport(simulator, entity))
    expect(await describeProject(await compose(simulator, cvat, project.id)), name).toEqual(own)
  }
})
