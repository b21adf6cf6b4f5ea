// A server as a small team would have it: some 25 projects of all sizes, with the names that make trouble.

import { formatMicros } from './server-clock.ts'
import type { World } from './world.ts'

type TaskSeed = readonly [name: string, subset: string, frames: number, kilobytesPerFrame: number, kind?: 'video']

interface ProjectSeed {
  readonly name: string
  readonly owner?: string
  readonly organization?: string
  readonly labels: readonly string[]
  readonly tasks: readonly TaskSeed[]
}

const road = ['car', 'truck', 'Fußgänger', 'bicycle']
const shelf = ['pallet', 'forklift', 'person']
const cell = ['nucleus', 'membrane', 'artefact']
const field = ['crop', 'weed', 'soil']

const projects: readonly ProjectSeed[] = [
  {
    name: 'Crossing Königsplatz',
    organization: 'city-roads',
    labels: road,
    tasks: [
      ['morning, dry', 'Train', 120, 60],
      ['morning, rain', 'Train', 80, 60],
      ['night', 'Validation', 40, 45],
    ],
  },
  { name: 'Crossing Marktstraße', organization: 'city-roads', labels: road, tasks: [['week 12', 'Train', 150, 70]] },
  {
    name: 'Tram tracks',
    organization: 'city-roads',
    labels: ['rail', 'switch'],
    tasks: [['ride 4', '', 600, 30, 'video']],
  },
  { name: 'Parking "P+R/North" ../old', organization: 'city-roads', labels: road, tasks: [['first try', '', 12, 40]] },
  { name: 'Road signs', organization: 'city-roads', owner: 'anna', labels: ['sign'], tasks: [['batch 1', '', 200, 8]] },
  { name: 'Pallets', organization: 'warehouse', labels: shelf, tasks: [['hall A', 'Train', 90, 90]] },
  { name: 'Pallets', organization: 'warehouse', labels: shelf, tasks: [['hall B', 'Train', 60, 90]] },
  {
    name: 'Forklift camera',
    organization: 'warehouse',
    owner: 'ben',
    labels: shelf,
    tasks: [
      ['shift 1', '', 900, 12, 'video'],
      ['shift 2', '', 700, 12, 'video'],
    ],
  },
  { name: 'Barcodes', organization: 'warehouse', labels: ['code'], tasks: [['close-ups', '', 300, 6]] },
  {
    name: 'Returns, damaged boxes',
    organization: 'warehouse',
    labels: ['tear', 'dent'],
    tasks: [['march', '', 45, 50]],
  },
  { name: 'Röntgen Lunge', labels: ['opacity'], tasks: [['Serie 1', 'Train', 60, 180]] },
  { name: '細胞 cells 40x', labels: cell, tasks: [['plate 1', '', 30, 250]] },
  { name: 'Histology pilot', labels: cell, tasks: [['slide 7', '', 8, 900]] },
  { name: 'Weeds in maize', owner: 'anna', labels: field, tasks: [['drone flight 3', 'Train', 100, 55]] },
  { name: 'Weeds in wheat', owner: 'anna', labels: field, tasks: [['drone flight 5', 'Train', 70, 55]] },
  { name: 'Orchard counts', owner: 'ben', labels: ['apple', 'pear'], tasks: [['row 1-4', '', 25, 110]] },
  { name: 'Empty, for later', labels: ['thing'], tasks: [] },
  { name: 'Tutorial', labels: ['cat', 'dog'], tasks: [['ten cats', '', 10, 2]] },
  { name: 'Tutorial (copy of Anna)', owner: 'anna', labels: ['cat', 'dog'], tasks: [['ten cats', '', 10, 2]] },
  { name: 'Bird feeder', owner: 'ben', labels: ['tit', 'sparrow'], tasks: [['january', '', 240, 9]] },
  { name: 'Handwriting', labels: ['word', 'line'], tasks: [['letters 1901', '', 35, 40]] },
  { name: 'Solar panels', labels: ['crack', 'hot spot'], tasks: [['roof 2', 'Test', 50, 70]] },
  { name: 'Ships at the lock', labels: ['barge', 'yacht'], tasks: [['camera west', '', 500, 10, 'video']] },
  { name: 'Fire drill', labels: ['smoke', 'flame'], tasks: [['take 1', '', 64, 16]] },
  { name: 'Sandbox of Ben; please keep', owner: 'ben', labels: ['x'], tasks: [['scribbles', '', 3, 1]] },
]

export const DEMO_PASSWORD = 'demo-password'

/** Fills an empty world: admin / demo-password, two more people, two organizations, about 140 MB of archives. */
export function seedDemo(world: World, password = DEMO_PASSWORD): void {
  world.addUser({ username: 'admin', password, isSuperuser: true })
  world.addUser({ username: 'anna', password })
  world.addUser({ username: 'ben', password })
  world.addOrganization({ slug: 'city-roads', name: 'City roads', members: { anna: 'maintainer' } })
  world.addOrganization({ slug: 'warehouse', name: 'Warehouse', members: { ben: 'worker' } })
  projects.forEach((seed, index) => {
    addProject(world, seed, daysAgo(world, (projects.length - index) * 9))
  })
  const free = [
    ['quick look at a new camera', 6, 30],
    ['upload of a student', 15, 12],
    ['old benchmark', 40, 20],
  ] as const
  for (const [name, frames, kilobytes] of free) {
    world.addTask({ projectId: null, name, frames, bytesPerFrame: kilobytes * 1024 })
  }
  const last = world.addTask({
    projectId: null,
    organization: 'city-roads',
    name: 'roundabout, without project',
    frames: 20,
    bytesPerFrame: 30 * 1024,
  })
  world.deleteFrame(last.id, 3)
  world.addTask({ projectId: null, name: 'never uploaded', hasData: false })
}

function addProject(world: World, seed: ProjectSeed, createdDate: string): void {
  const owner = seed.owner ?? 'admin'
  const place = seed.organization === undefined ? {} : { organization: seed.organization }
  const project = world.addProject({ name: seed.name, owner, labels: seed.labels, createdDate, ...place })
  for (const [name, subset, frames, kilobytes, kind] of seed.tasks) {
    world.addTask({
      projectId: project.id,
      name,
      createdDate,
      subset,
      frames,
      bytesPerFrame: kilobytes * 1024,
      mode: kind === 'video' ? 'interpolation' : 'annotation',
      jobs: frames > 100 ? 3 : 1,
      shapesPerFrame: frames > 300 ? 1 : 3,
    })
  }
}

function daysAgo(world: World, days: number): string {
  return formatMicros((world.clock.nowMs() - days * 86_400_000) * 1000)
}
