import { chmod, mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeTemporaryFolder } from '../shared/store/temporary-folder.ts'
import { runCli } from '../support/product-process.ts'

const help = expect.objectContaining({ code: 0, stderr: '', stdout: expect.stringContaining('Usage: cvat-backups') })

test('compiled modules are kept in the cache folder of the user, where nobody else may write', async () => {
  const cwd = await makeTemporaryFolder()
  expect(await runCli(['--help'], { cwd, env: { NODE_COMPILE_CACHE: undefined } })).toEqual(help)
  const folder = join(cwd, '.cache/cvat-backups')
  expect((await stat(folder)).mode & 0o077).toBe(0)
  expect(await readdir(folder)).toHaveLength(1)
})

test('XDG_CACHE_HOME and NODE_COMPILE_CACHE name another place for compiled modules', async () => {
  const cwd = await makeTemporaryFolder()
  const [xdg, own] = [join(cwd, 'xdg'), join(cwd, 'own')]
  expect(await runCli(['--help'], { cwd, env: { NODE_COMPILE_CACHE: undefined, XDG_CACHE_HOME: xdg } })).toEqual(help)
  expect(await readdir(xdg)).toEqual(['cvat-backups'])
  expect(await runCli(['--help'], { cwd, env: { NODE_COMPILE_CACHE: own } })).toEqual(help)
  expect(await readdir(own)).toHaveLength(1)
  expect((await readdir(cwd)).sort()).toEqual(['own', 'xdg'])
})

test('the command line works without a home, and where its cache cannot be made', async () => {
  const cwd = await makeTemporaryFolder()
  const none = { NODE_COMPILE_CACHE: undefined, HOME: undefined }
  expect(await runCli(['--help'], { cwd, env: none })).toEqual(help)
  expect(await readdir(cwd)).toEqual([])
  const missing = { ...none, HOME: join(cwd, 'missing') }
  expect(await runCli(['--help'], { cwd, env: missing })).toEqual(help)
  expect(await readdir(cwd)).toEqual([])
  await writeFile(join(cwd, 'a-file'), '')
  expect(await runCli(['--help'], { cwd, env: { ...none, XDG_CACHE_HOME: join(cwd, 'a-file') } })).toEqual(help)
  await mkdir(join(cwd, 'locked'))
  await chmod(join(cwd, 'locked'), 0o555)
  expect(await runCli(['--help'], { cwd, env: { ...none, XDG_CACHE_HOME: join(cwd, 'locked') } })).toEqual(help)
})
