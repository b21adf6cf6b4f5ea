// The server that the recordings were made on: the same users, projects, tasks, ids and dates.

import { ServerClock } from '../simulator/server-clock.ts'
import { World } from '../simulator/world.ts'

type RecordedProject = readonly [
  name: string,
  created: string,
  updated: string,
  tasks: readonly [name: string, frames: number][],
]

/** Project 6, `payload 60MB`, holds this many frames of 1 MB. */
const payloadFrames = 60

const recordedProjects: readonly RecordedProject[] = [
  ['alpha', '20:31:09.655479', '20:31:15.792794', [['alpha task 0', 4]]],
  [
    'Röntgen "A/B" ../x',
    '20:31:15.836494',
    '20:31:28.124209',
    [
      ['Röntgen task 0', 3],
      ['Röntgen task 1', 3],
    ],
  ],
  ['twins', '20:31:28.169143', '20:31:28.305726', [['twins task 0', 3]]],
  [
    'twins',
    '20:31:34.045048',
    '20:31:46.467304',
    [
      ['twins task 0', 3],
      ['twins task 1', 3],
    ],
  ],
  ['empty project', '20:31:46.546722', '20:31:46.546796', []],
  ['payload 60MB', '20:31:46.683037', '20:31:57.271122', [['payload', payloadFrames]]],
  ['beta', '20:31:57.319661', '20:32:03.540567', [['beta task 0', 5]]],
  [
    'gamma',
    '20:32:03.589873',
    '20:32:15.625242',
    [
      ['gamma task 0', 4],
      ['gamma task 1', 4],
    ],
  ],
  ['delta', '20:32:15.666784', '20:32:15.810981', [['delta task 0', 3]]],
  [
    'epsilon',
    '20:32:21.399441',
    '20:32:32.890141',
    [
      ['epsilon task 0', 5],
      ['epsilon task 1', 5],
    ],
  ],
  ['zeta', '20:32:32.926530', '20:32:38.701761', [['zeta task 0', 3]]],
  [
    'eta',
    '20:32:38.735064',
    '20:32:44.345404',
    [
      ['eta task 0', 5],
      ['eta task 1', 4],
    ],
  ],
  ['theta ünïcode', '20:32:49.820719', '20:32:55.676127', [['theta task 0', 4]]],
]

/** The world as the first recordings found it: 14 projects, 19 tasks, no organization; its clock stands at 20:34. */
export function buildRecordedWorld(): World {
  const start = Date.parse(date('20:34:00.000000'))
  const began = performance.now()
  const world = new World({ clock: new ServerClock(() => start + performance.now() - began) })
  const admin = world.addUser({ username: 'admin', password: 'admin-password', isSuperuser: true })
  world.addUser({ username: 'bob', password: 'bob-password' })
  admin.lastLogin = date('20:33:31.602269')
  for (const [name, created, updated, tasks] of recordedProjects) {
    const dates = { createdDate: date(created), updatedDate: date(updated) }
    const project = world.addProject({ name, ...dates })
    const bytesPerFrame = name === 'payload 60MB' ? 1_041_000 : 4000
    for (const [taskName, frames] of tasks) {
      world.addTask({ name: taskName, projectId: project.id, frames, bytesPerFrame, ...dates })
    }
  }
  world.addTask({
    name: 'free task (no project)',
    projectId: null,
    createdDate: date('20:32:55.722970'),
    updatedDate: date('20:33:01.374331'),
  })
  const dates = { createdDate: date('20:33:01.729573'), updatedDate: date('20:33:07.538854') }
  const bobs = world.addProject({ name: "bob's project", owner: 'bob', ...dates })
  world.addTask({ name: 'bob task', projectId: bobs.id, ...dates })
  return world
}

/** What the later recordings had added: the organization acme with project 19, a guide, newer dates of projects 7 and 12. */
export function addAcme(world: World): void {
  world.addOrganization({ slug: 'acme', name: 'Acme' })
  const created = date('20:46:15.421378')
  world.addProject({ id: 19, name: 'acme project', organization: 'acme', labels: ['a'], createdDate: created })
  world.setGuide({ type: 'project', id: 7 }, '# guide')
  world.project(12).updatedDate = date('20:42:53.160710')
  world.project(7).updatedDate = date('20:41:30.000000')
}

export function date(time: string): string {
  return `2026-11-22T${time}Z`
}
