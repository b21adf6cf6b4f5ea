// The demo: a simulated CVAT server with lifelike projects, backed up by the real command line, twice, then swept.

import { spawn } from 'node:child_process'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { seedDemo } from '../test/simulator/seed-demo.ts'
import { startSimulator } from '../test/simulator/simulator.ts'
import { World } from '../test/simulator/world.ts'

const project = join(import.meta.dirname, '..')
const demoDir = join(project, '.demo')
const backupDir = join(demoDir, 'backups')

await rm(demoDir, { recursive: true, force: true })
await mkdir(demoDir, { recursive: true })
const world = new World()
seedDemo(world)
const looseTasks = [...world.tasks.values()].filter((task) => task.projectId === null).length
await using simulator = await startSimulator({ world, capacity: { exportMs: 250, exportWorkers: 4 } })

const settings = {
  CVAT_URL: simulator.url,
  CVAT_USERNAME: 'admin',
  CVAT_PASSWORD: 'demo-password',
  CVAT_BACKUP_DIR: backupDir,
  CVAT_BACKUP_STATE_DIR: join(demoDir, 'state'),
  CVAT_BACKUP_PARALLEL_EXPORTS: '4',
}

say(`A simulated CVAT server runs at ${simulator.url}: ${world.projects.size} projects, ${looseTasks} loose tasks.`)
say('1. First backup: everything is new')
await run(['backup', '--mode', 'p'])

say('2. Somebody annotates in one project and uploads a new task to another')
world.annotate(firstTaskOf(1))
world.addTask({ projectId: 10, name: 'april', frames: 20, bytesPerFrame: 50_000 })
const exportsBefore = simulator.stats.exports.length
await run(['backup', '--mode', 'p'])
const exported = simulator.stats.exports.length - exportsBefore
if (exported !== 2) throw new Error(`two projects changed, but ${exported} were exported`)

say('3. Sweep: only the newest archive of each is to stay')
await run(['sweep'], { CVAT_BACKUP_TTL: '0', CVAT_MIN_NUM_BACKUPS: '1' })

say('4. What the backup directory holds now')
await run(['list'])

say(`Done. The archives are in ${backupDir}: zip files as CVAT makes them, each with a record (JSON) beside it.

What you can do next:
  ls ${join(backupDir, 'project-1')}
  unzip -t ${join(backupDir, 'project-1')}/*.zip     check one yourself
  cp .env.example .env                   fill in your server's address and login, then
  ./run-locally-backup.sh --mode p       back up a real CVAT
  bin/cvat-backups --help                the other commands
To restore one, choose «Create from backup» in CVAT's list of projects and pick its zip.`)

function firstTaskOf(projectId: number): number {
  const [task] = world.tasksOf(projectId)
  if (!task) throw new Error(`project ${projectId} of the demo has no task`)
  return task.id
}

function say(text: string): void {
  process.stdout.write(`\n${text}\n\n`)
}

/** Runs the command line as a user would. A failure ends the demo. */
async function run(args: string[], more: Record<string, string> = {}): Promise<void> {
  process.stdout.write(`$ cvat-backups ${args.join(' ')}\n`)
  // Only what a command needs of this environment: a CVAT_… or REDIS_URL of the user's own must not leak into the demo.
  const { PATH = '', HOME = '', TERM = '', LANG = '' } = process.env
  const child = spawn(join(project, 'bin', 'cvat-backups'), args, {
    stdio: 'inherit',
    cwd: demoDir,
    env: { PATH, HOME, TERM, LANG, ...settings, ...more },
  })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', resolve)
  })
  if (code !== 0) throw new Error(`cvat-backups ${args[0]} ended with exit code ${code}`)
}
