import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { planFolder, withEdits } from '#shared/composition/composition-plan.ts'
import { findObstacles, listEdits } from '#shared/composition/find-obstacles.ts'
import { openComposedArchive } from '#shared/composition/open-composed-archive.ts'
import { openSourceArchive } from '#shared/composition/open-source-archive.ts'
import { type FolderTexts, planRepairs } from '#shared/composition/plan-repairs.ts'
import {
  describeFile,
  fixture,
  fixtures,
  listMembers,
  readTextMember,
  testWithUnzip,
  writeOut,
} from './composed-files.ts'

/** Archives of the real server with an obstacle, and whether it can be mended. */
const withObstacle: Record<string, readonly [code: string, folder: string, mended: boolean]> = {
  'guide_two_assets_same_name.zip': ['duplicate-member', '', true],
  'label_name_equals_skeleton_plus_sublabel.zip': ['label-name-collides', '', false],
  'static_img_predefined_nocache.zip': ['needs-no-static-cache', '', true],
  'static_img_random_nocache.zip': ['needs-no-static-cache', '', true],
  'static_project_with_one_random_nocache_task.zip': ['needs-no-static-cache', 'task_1/', true],
  'static_share_random_nocopy.zip': ['needs-no-static-cache', '', true],
  'static_zip_random_nocache.zip': ['needs-no-static-cache', '', true],
}
const kinds = (await readdir(join(fixtures, 'kinds'))).filter((name) => name.endsWith('.zip')).sort()

/** The archive as it would be uploaded with all repairs. */
async function mend(name: string): Promise<string> {
  const file = await fixture(`kinds/${name}`)
  const obstacles = await findObstacles(file.archivePath)
  await using source = await openSourceArchive(file.archivePath)
  const plan = { parts: [...source.folders.keys()].map((folder) => planFolder(file, folder, folder)) }
  return writeOut(await openComposedArchive(withEdits(plan, file.archivePath, listEdits(obstacles))))
}

describe('obstacles to restoring what a real CVAT made', () => {
  test.each(kinds)('%s', async (name) => {
    const found = await findObstacles(join(fixtures, 'kinds', name))
    const expected = withObstacle[name]
    expect(found.map(({ code, folder, repair }) => [code, folder, repair !== undefined])).toEqual(
      expected ? [expected] : [],
    )
  })

  test('the one field is changed in the text: nothing else of the archive', async () => {
    const name = 'static_project_with_one_random_nocache_task.zip'
    const path = await mend(name)
    const original = join(fixtures, 'kinds', name)
    const before = await listMembers(original)
    const after = await listMembers(path)
    const changed = after.filter(({ crc32 }, index) => crc32 !== before[index]?.crc32).map((member) => member.name)
    expect(changed).toEqual(['task_1/task.json'])
    const text = await readTextMember(original, 'task_1/task.json')
    expect(await readTextMember(path, 'task_1/task.json')).toBe(text.replace('"file_system"', '"cache"'))
    // What the real server restored everywhere was made by hand.
    const byHand = join(fixtures, 'kinds/static_project_with_one_random_nocache_task_patched.zip')
    expect(JSON.parse(await readTextMember(path, 'task_1/task.json'))).toEqual(
      JSON.parse(await readTextMember(byHand, 'task_1/task.json')),
    )
    expect(await findObstacles(path)).toEqual([])
    await testWithUnzip(path)
  })

  test('pictures of one name get names and references of their own, and both are there', async () => {
    const path = await mend('guide_two_assets_same_name.zip')
    expect(await findObstacles(path)).toEqual([])
    expect(await readTextMember(path, 'annotation_guide.md')).toBe('![](assets/pic.png) ![](assets/pic-2.png)')
    const names = (await listMembers(path)).map(({ name }) => name)
    expect(names).toContain('assets/pic.png')
    expect(names).toContain('assets/pic-2.png')
    expect((await describeFile(path)).record.archive.sizeBytes).toBeGreaterThan(0)
  })
})

describe('repairs', () => {
  const nothing: FolderTexts = { folder: '', json: undefined, jsonName: 'task.json', guide: undefined, assets: [] }
  const data = '"data":{"storage_method":"file_system","sorting_method":"random","share":1.0}'

  test('leave numbers, spaces and strings as they are', () => {
    const json = `{"name":"\\"storage_method\\":\\"file_system\\"",  ${data}}`
    const [obstacle] = planRepairs({ ...nothing, folder: 'task_3/', json })
    expect(obstacle?.repair).toMatchObject({
      confidence: 'certain',
      edits: [{ name: 'task_3/task.json', text: json.replace(':"file_system"', ':"cache"') }],
    })
  })

  test('are not offered where more than the one field would change', () => {
    const [obstacle] = planRepairs({ ...nothing, json: `{"other":{"storage_method":"file_system"},${data}}` })
    expect(obstacle).toMatchObject({ code: 'needs-no-static-cache', repair: undefined })
  })

  test('rename several pictures, and none where references and pictures do not match', () => {
    const assets = [
      { name: 'task_0/assets/a.png', crc32: 1, sizeBytes: 1 },
      { name: 'task_0/assets/a.png', crc32: 2, sizeBytes: 1 },
      { name: 'task_0/assets/a-2.png', crc32: 3, sizeBytes: 1 },
      { name: 'task_0/assets/b', crc32: 4, sizeBytes: 1 },
      { name: 'task_0/assets/b', crc32: 5, sizeBytes: 1 },
      { name: 'task_0/assets/same.png', crc32: 6, sizeBytes: 1 },
      { name: 'task_0/assets/same.png', crc32: 6, sizeBytes: 1 },
    ]
    const texts = { ...nothing, folder: 'task_0/', assets }
    const guide = '(assets/a.png) (assets/b) (assets/a-2.png) (assets/a.png)'
    expect(planRepairs({ ...texts, guide })).toMatchObject([
      {
        code: 'duplicate-member',
        repair: {
          confidence: 'guess',
          edits: [
            { name: 'task_0/assets/a.png', occurrence: 1, fileName: 'a-3.png' },
            {
              name: 'task_0/annotation_guide.md',
              text: '(assets/a.png) (assets/b) (assets/a-2.png) (assets/a-3.png)',
            },
          ],
        },
      },
      { code: 'duplicate-member', repair: undefined },
    ])
    expect(planRepairs({ ...texts, guide: 'none' }).map(({ repair }) => repair)).toEqual([undefined, undefined])
  })
})
