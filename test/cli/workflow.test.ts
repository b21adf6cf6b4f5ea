// What the commands that read the backup directory do with workflow sidecars.

import { truncate } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { flipByte } from '../shared/store/damage.ts'
import { openTestStore, project6, storeArchive } from '../shared/store/store-fixture.ts'
import { storeWorkflow } from '../shared/store/workflow-fixture.ts'
import { runCommand } from './run-command.ts'

/** Two archives of long ago; with the first three sidecars, with the second one. */
async function openStored() {
  const store = await openTestStore()
  for (const day of [1, 5]) {
    const backupId = `run-${day}.project-6.backup`
    await storeArchive(store, { backupId, createdAt: `2020-11-0${day}T00:00:00.000Z`, seed: backupId })
    await storeWorkflow(store, { backupId, takenAt: `2020-11-0${day}T00:00:01.000Z` })
  }
  for (const day of [2, 3]) {
    await storeWorkflow(store, { backupId: `run-${day}.project-6.workflow`, takenAt: `2020-11-0${day}T00:00:00.000Z` })
  }
  const { workflows } = await store.workflows.list(project6)
  return { store, workflows, run: (...args: string[]) => runCommand(store.directory, ...args) }
}

const left = async (store: Awaited<ReturnType<typeof openTestStore>>) =>
  (await store.workflows.list(project6)).workflows.map(({ head }) => head.takenAt.slice(8, 10))

test('list counts no sidecar as an archive or as foreign, and --json names the one that goes with each archive', async () => {
  const { run, workflows } = await openStored()
  expect((await run('list')).stdout).toMatch(/\n2 archives of 1 entities, [\d.]+ kB\n$/)
  const listed = JSON.parse((await run('list', '--json')).stdout)
  expect(listed.map(({ workflow }: { workflow: string }) => workflow)).toEqual([workflows[0]!.path, workflows[1]!.path])
})

test('sweep --dry-run tells about sidecars with reasons, and a sweep removes those that go with nothing', async () => {
  const { store, run, workflows } = await openStored()
  const dry = await run('sweep', '--dry-run')
  expect(dry.code).toBe(0)
  const about = dry.stdout.split('\n').filter((line) => line.includes('-workflow-'))
  const name = (index: number) => `project-6/${workflows[index]!.fileName}`
  expect(about.map((line) => line.replace(/20\d+T\d+Z-backup-alpha-[0-9a-f]{8}/, 'ARCHIVE'))).toEqual([
    `keep   ${name(0)}: newest workflow of its entity, taken with ARCHIVE.zip`,
    `keep   ${name(1)}: the last one with ARCHIVE.zip`,
    `remove ${name(2)}: a later one goes with each archive that stays`,
    `keep   ${name(3)}: taken with ARCHIVE.zip`,
  ])
  expect(dry.stdout).toContain('1 workflows would be removed')
  expect(await left(store)).toEqual(['05', '03', '02', '01'])
  const json = (await run('sweep', '--json')).stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(json.filter(({ type }) => type === 'workflow-decision').map(({ action }) => action)).toEqual([
    'keep',
    'keep',
    'remove',
    'keep',
  ])
  expect(json.at(-1)).toMatchObject({ type: 'totals', kept: 2, removed: 0, workflowsKept: 3, workflowsRemoved: 1 })
  expect(await left(store)).toEqual(['05', '03', '01'])
})

test('verify reports a sidecar that is damaged or torn, by name, and fails; index leaves them alone', async () => {
  const { run, workflows } = await openStored()
  expect(await run('verify', '--all')).toMatchObject({ code: 0 })
  await flipByte(workflows[1]!.path, 400)
  await truncate(workflows[2]!.path, 300)
  const { code, stdout } = await run('verify', '--all')
  expect(code).toBe(1)
  expect(stdout).toContain('2 intact, 2 workflows DAMAGED')
  expect(stdout).toContain(`DAMAGED WORKFLOW project-6/${workflows[1]!.fileName}: `)
  expect(stdout).toContain(`DAMAGED WORKFLOW project-6/${workflows[2]!.fileName}: it is torn`)
  const told = JSON.parse((await run('verify', '--all', '--json')).stdout)
  expect(told).toMatchObject({ checked: 2, intact: 2, damaged: 0, failed: 0, damagedWorkflows: 2 })
  expect(await run('index')).toMatchObject({ code: 0 })
})
