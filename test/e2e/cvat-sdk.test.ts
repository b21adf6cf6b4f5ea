// The official CVAT client as a judge that knows neither the simulator nor this product: the simulator must be a CVAT to
// it, and what it downloads must be what this product stores.

import { execFile } from 'node:child_process'
import { glob, mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { makeTemporaryFolder } from '../shared/store/temporary-folder.ts'
import { type Simulator, startSimulator } from '../simulator/simulator.ts'
import { World } from '../simulator/world.ts'
import { expectNoLeaks } from '../support/expect-no-leaks.ts'

/** What the SDK's own reading of an archive gave: per member its name, size and CRC, in the archive's order. */
interface Archive {
  readonly name: string
  readonly firstBadMember: string | null
  readonly members: readonly [name: string, sizeBytes: number, crc: number][]
}

interface Town {
  readonly simulator: Simulator
  readonly projectId: number
  readonly taskId: number
  readonly emptyTaskId: number
  readonly foreignProjectId: number
}

type Environment = Record<string, string>

const execute = promisify(execFile)
const anna = { username: 'anna', password: 'anna-pw-5Kd' } as const
const root = fileURLToPath(new URL('../../', import.meta.url))
/** The installer's way of saying that it cannot work here: no network and nothing installed, no Python. */
const UNAVAILABLE = 69

let python = ''
let missing: string | undefined

beforeAll(async () => {
  try {
    const installer = join(root, 'scripts/install-cvat-sdk.sh')
    python = (await execute(installer, { signal: AbortSignal.timeout(280_000) })).stdout.trim()
  } catch (error) {
    const { code, stderr } = error as { code?: unknown; stderr?: string }
    if (code !== UNAVAILABLE) throw error
    missing = stderr?.trim().split('\n').at(-1) ?? 'cvat-sdk cannot be installed'
    // The usual reporter counts skipped tests without their reason.
    process.stderr.write(`Skipped, nothing was checked with CVAT's own client: ${missing}\n`)
  }
}, 300_000)

beforeEach(({ skip }) => skip(missing !== undefined, missing))

describe('the official CVAT client', { timeout: 600_000 }, () => {
  expectNoLeaks()

  it('finds in the simulator a CVAT with everything that the user may see, and logs out again', async ({ signal }) => {
    const town = await startTown()
    expect(await askSdk(['look', town.projectId], loginTo(town), signal)).toEqual({
      user: 'anna',
      organizations: ['street-team'],
      projects: ['Harbour', ...elevenNotes.toReversed(), 'Crossing Königsplatz'],
      personalProjects: [...elevenNotes.toReversed(), 'Crossing Königsplatz'],
      projectsOf: { 'street-team': ['Harbour'] },
      project: {
        name: 'Crossing Königsplatz',
        labels: ['car', 'Fußgänger'],
        tasks: [
          { name: 'noon', subset: 'Train', frames: frameNames(2), jobs: [['annotation', 0, 1]] },
          { name: 'night', subset: 'Validation', frames: frameNames(3), jobs: [['annotation', 0, 2]] },
          { name: 'never uploaded', subset: '', frames: null, jobs: [] },
          {
            name: 'morning',
            subset: 'Train',
            frames: frameNames(5),
            jobs: [
              ['ground_truth', 0, 4],
              ['annotation', 3, 4],
              ['annotation', 0, 2],
            ],
          },
        ],
      },
    })
    expect(town.simulator.stats.requestCount('POST /api/auth/logout', 200)).toBe(1)
  })

  it('is refused by the simulator what CVAT refuses', async ({ signal }) => {
    const town = await startTown()
    const ids = [town.projectId, town.foreignProjectId, town.emptyTaskId]
    expect(await askSdk(['refusals', ...ids], loginTo(town), signal)).toEqual({
      'wrong password': 400,
      'unknown token': 401,
      'no login': 401,
      "somebody else's project": 403,
      'unknown project': 404,
      'unknown organization': 404,
      'unknown format': 400,
      'backup of a task without data': 400,
      'dataset of a task without data': 'failed request',
      'session after logging out': 401,
    })
  })

  it('downloads whole archives, which are those that this product stores', async ({ signal }) => {
    // Longer than the client takes to ask for the first time, and shorter than its pause before it asks again.
    const town = await startTown({ exportMs: 1000 })
    const names = ['project-backup', 'task-backup', 'project-annotations', 'project-dataset', 'task-dataset'] as const
    const downloads = await download(town, names, loginTo(town), signal)

    expect(Object.values(downloads).map(({ firstBadMember }) => firstBadMember)).toEqual(names.map(() => null))
    expect(memberNames(downloads['project-backup'])).toEqual(
      [
        'annotation_guide.md',
        'assets/plan.png',
        'project.json',
        ...backupMembers('task_0/', 5),
        ...backupMembers('task_2/', 3),
        ...backupMembers('task_3/', 2),
      ].sort(),
    )
    expect(memberNames(downloads['task-backup'])).toEqual(backupMembers('', 5).sort())
    expect(memberNames(downloads['project-annotations'])).toEqual(['annotations.xml'])
    expect(memberNames(downloads['project-dataset'])).toEqual(
      [
        'annotations.xml',
        ...[...frameNames(5), 'img_0_1.jpg', 'img_1_1.jpg'].map((frame) => `images/Train/${frame}`),
        ...frameNames(3).map((frame) => `images/Validation/${frame}`),
      ].sort(),
    )
    expect(memberNames(downloads['task-dataset'])).toEqual([
      'annotations.xml',
      ...frameNames(5).map((frame) => `images/${frame}`),
    ])
    expect(downloads['task-dataset'].name).toMatch(
      new RegExp(`^task_${town.taskId}_dataset_[\\d_]{19}_cvat for images 1\\.1\\.zip$`),
    )
    expect(town.simulator.stats.exports.map(({ outcome }) => outcome)).toEqual(names.map(() => 'finished'))
    expect(town.simulator.stats.requestCount('GET /api/requests/{id}', 200)).toBeGreaterThan(names.length)

    town.simulator.capacity.exportMs = 5
    const [project, task] = [`${town.projectId}`, `${town.taskId}`]
    const withImages = { CVAT_BACKUP_SAVE_IMAGES: 'true' }
    const stored = await Promise.all([
      backUp(['--mode', 'a', '--project', project], loginTo(town), signal),
      backUp(['--mode', 'a', '--project', project], { ...loginTo(town), ...withImages }, signal),
    ])
    // Until here CVAT gives out the files that it has made for the client; these it makes again.
    town.simulator.exports.cache.remove()
    stored.push(
      await backUp(['--project', project], loginTo(town), signal),
      await backUp(['--mode', 't', '--task', task], loginTo(town), signal),
    )
    expect(town.simulator.stats.exports.slice(-2).map(({ isCached }) => isCached)).toEqual([false, false])
    const own = await askSdk<Archive[]>(['members', ...stored], {}, signal)
    expect(own.map(({ members }) => members)).toEqual(
      (['project-annotations', 'project-dataset', 'project-backup', 'task-backup'] as const).map(
        (name) => downloads[name].members,
      ),
    )
  })

  it.for([
    ['project', 'kinds/project_subsets_guide_skeleton'],
    ['task', 'kinds/video_jobs_deleted'],
    ['task', 'kinds/annotations_all_kinds_skeleton'],
  ] as const)('restores a %s from %s, and downloads the same members again', async ([kind, name], { signal }) => {
    const town = await startTown()
    const file = join(root, `test/fixtures/archives/${name}.zip`)
    const restored = await askSdk<Restored>(['restore', kind, file], loginTo(town), signal)
    expect(restored).toMatchObject(restoredBySdk[name])
    const folder = await makeTemporaryFolder()
    const ids = kind === 'project' ? [restored.id, town.taskId] : [town.projectId, restored.id]
    const words = ['download', ...ids, folder, `${kind}-backup`]
    const downloads = await askSdk<Record<string, Archive>>(words, loginTo(town), signal)
    const [original] = await askSdk<Archive[]>(['members', file], {}, signal)
    expect(downloads[`${kind}-backup`]?.members).toEqual(original?.members)
    expect(town.simulator.stats.errors).toEqual([])
  })

  it('restores from what this product has stored, and this product from what the client has downloaded', async ({
    signal,
  }) => {
    const town = await startTown()
    const stored = await backUp(['--project', `${town.projectId}`], loginTo(town), signal)
    const elsewhere = await startTown()
    const bySdk = await askSdk<Restored>(['restore', 'project', stored], loginTo(elsewhere), signal)
    expect(bySdk).toMatchObject({ name: 'Crossing Königsplatz', labels: ['car', 'Fußgänger'] })

    const downloads = await makeTemporaryFolder()
    const words = ['download', town.projectId, town.taskId, downloads, 'project-backup']
    await askSdk(words, loginTo(town), signal)
    const folder = await makeTemporaryFolder()
    const directory = join(folder, 'archives')
    await mkdir(directory)
    // As CVAT names it in a browser.
    const { updatedDate } = town.simulator.world.project(town.projectId)
    const time = updatedDate.slice(0, 19).replaceAll(/\D/g, '_')
    const name = `project_crossing königsplatz_backup_${time}.zip`
    await rename(join(downloads, 'project-backup.zip'), join(directory, name))
    const settings = { CVAT_BACKUP_DIR: directory, CVAT_BACKUP_STATE_DIR: join(folder, 'state'), ...loginTo(town) }
    const product = join(root, 'bin/cvat-backups')
    expect(await run(product, ['adopt'], settings, signal, folder)).toContain('1 archives adopted')
    const { CVAT_USERNAME, CVAT_PASSWORD } = loginTo(elsewhere) as Record<string, string>
    const target = {
      CVAT_RESTORE_URL: elsewhere.simulator.url,
      CVAT_RESTORE_USERNAME: CVAT_USERNAME!,
      CVAT_RESTORE_PASSWORD: CVAT_PASSWORD!,
    }
    const args = ['restore', `project-${town.projectId}`, '--json']
    const report = JSON.parse(await run(product, args, { ...settings, ...target }, signal, folder)) as {
      entities: { restored: string; differences: object[] }[]
    }
    expect(report).toMatchObject({ restored: 1, differs: 0, failed: 0 })
    const id = Number(report.entities[0]?.restored.split('-')[1])
    const both = await askSdk<unknown[]>(['compare', bySdk.id, id], loginTo(elsewhere), signal)
    expect(both[0]).toEqual(both[1])
  })

  it('is told why an archive cannot be restored', async ({ signal }) => {
    const town = await startTown()
    const file = join(root, 'test/fixtures/archives/project_annotations_cvat_for_images.zip')
    await expect(askSdk(['restore', 'project', file], loginTo(town), signal)).rejects.toThrow(
      /There is no item named 'project.json' in the archive/,
    )
  })

  it('downloads a backup with a read-only access token as well', async ({ signal }) => {
    const town = await startTown()
    const { value } = town.simulator.world.addAccessToken(anna.username, { readOnly: true })
    const byToken = { CVAT_URL: town.simulator.url, CVAT_ACCESS_TOKEN: value }
    const { 'task-backup': archive } = await download(town, ['task-backup'], byToken, signal)
    expect(archive.firstBadMember).toBe(null)
    expect(memberNames(archive)).toEqual(backupMembers('', 5).sort())
    expect(town.simulator.stats.requestCount('POST /api/auth/login')).toBe(0)
  })
})

interface Restored {
  readonly id: number
}

/** What the client itself reads of what it has restored. */
const restoredBySdk = {
  'kinds/project_subsets_guide_skeleton': {
    name: 'Prój 人',
    labels: ['car', 'Fußgänger 人', 'scene', 'pose'],
    tasks: ['pt2 Train', 'pt1 Test', 'pt0 Train'].map((task) => {
      const [name, subset] = task.split(' ')
      return { name, subset, jobs: [['annotation', 0, 3]], annotations: [2, 8, 2] }
    }),
  },
  'kinds/video_jobs_deleted': {
    name: 'vjobs',
    labels: ['car', 'Fußgänger 人', 'scene'],
    tasks: [{ frames: ['v.mp4'], deletedFrames: [3, 9] }],
  },
  'kinds/annotations_all_kinds_skeleton': {
    name: 'rich é',
    labels: ['car', 'Fußgänger 人', 'scene', 'pose'],
    tasks: [{ frames: ['r0.png', 'r1.png', 'r2.png', 'r3.png'], annotations: [2, 8, 2] }],
  },
} as const

/** More projects than CVAT puts on a page. */
const elevenNotes = Array.from({ length: 11 }, (_, index) => `notes ${index + 1}`)

/** Anna's server: one project with all kinds of content, 12 small ones, one of them an organization's; and one of Ben's. */
async function startTown({ exportMs = 5 } = {}): Promise<Town> {
  const world = new World()
  world.addUser(anna)
  world.addUser({ username: 'ben', password: 'ben-pw-8Wq' })
  world.addOrganization({ slug: 'street-team', owner: 'anna' })
  const { id: projectId } = world.addProject({ name: 'Crossing Königsplatz', labels: ['car', 'Fußgänger'] })
  const { id: taskId } = world.addTask({ projectId, name: 'morning', subset: 'Train', frames: 5, jobs: 2 })
  const { id: emptyTaskId } = world.addTask({ projectId, name: 'never uploaded', hasData: false })
  world.addTask({ projectId, name: 'night', subset: 'Validation', frames: 3, shapesPerFrame: 2 })
  world.addTask({ projectId, name: 'noon', subset: 'Train', frames: 2 })
  world.addGroundTruthJob(taskId, [1, 3])
  const guide = world.setGuide({ type: 'project', id: projectId }, '')
  const plan = world.addAsset(guide.id, 'plan.png', Buffer.from('a picture'))
  world.setGuide({ type: 'project', id: projectId }, `![plan](/api/assets/${plan.uuid})`)
  for (const name of elevenNotes) world.addProject({ name })
  world.addProject({ name: 'Harbour', organization: 'street-team' })
  const { id: foreignProjectId } = world.addProject({ name: 'Ben only', owner: 'ben' })
  const simulator = await startSimulator({ world, capacity: { exportMs } })
  onTestFinished(() => simulator.close())
  return { simulator, projectId, taskId, emptyTaskId, foreignProjectId }
}

function loginTo({ simulator }: Town): Environment {
  return { CVAT_URL: simulator.url, CVAT_USERNAME: anna.username, CVAT_PASSWORD: anna.password }
}

async function download<Name extends string>(
  { projectId, taskId }: Town,
  names: readonly Name[],
  environment: Environment,
  signal: AbortSignal,
): Promise<Record<Name, Archive>> {
  const folder = await makeTemporaryFolder()
  return await askSdk(['download', projectId, taskId, folder, ...names], environment, signal)
}

async function askSdk<Answer = unknown>(
  words: readonly (string | number)[],
  environment: Environment,
  signal: AbortSignal,
): Promise<Answer> {
  const script = join(root, 'test/e2e/cvat_sdk_client.py')
  return JSON.parse(await run(python, [script, ...words.map(String)], environment, signal))
}

/** Runs the product into a folder of its own and gives the path of the one archive that it stored. */
async function backUp(words: readonly string[], environment: Environment, signal: AbortSignal): Promise<string> {
  const folder = await makeTemporaryFolder()
  const directory = join(folder, 'archives')
  await mkdir(directory)
  const settings = { CVAT_BACKUP_DIR: directory, CVAT_BACKUP_STATE_DIR: join(folder, 'state'), ...environment }
  await run(join(root, 'bin/cvat-backups'), ['backup', ...words], settings, signal, folder)
  const [archive, ...others] = await Array.fromAsync(glob(join(directory, '*/*.zip')))
  expect(others).toEqual([])
  return archive ?? 'no archive was stored'
}

/** What a program printed; the settings of whoever runs the tests stay out of it. */
async function run(
  program: string,
  words: readonly string[],
  environment: Environment,
  signal: AbortSignal,
  folder: string = root,
): Promise<string> {
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, ...environment }
  const running = execute(program, words, { env, cwd: folder })
  const { child } = running
  // Not by execFile's own signal: that closes the pipes before the program can end as it should.
  const stop = () => child.kill('SIGTERM')
  signal.addEventListener('abort', stop)
  // When the test is given up, its folders go only after the program has ended.
  onTestFinished(() => running.then(noop, noop))
  return (await running).stdout
}

function noop(): void {}

function frameNames(count: number): string[] {
  return Array.from({ length: count }, (_, frame) => `img_${frame}.jpg`)
}

function backupMembers(prefix: string, frames: number): string[] {
  const data = ['manifest.jsonl', ...frameNames(frames)].map((name) => `data/${name}`)
  return ['task.json', 'annotations.json', ...data].map((name) => prefix + name)
}

function memberNames(archive: Archive): string[] {
  return archive.members.map(([name]) => name).sort()
}
