import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { ArchiveContent } from '#shared/model/series.ts'
import { realFiles } from '#shared/store/file-operations.ts'
import { hashFile } from '#shared/store/hash-file.ts'
import { inspectArchive } from '#shared/store/inspect-archive.ts'
import { observe } from './plan-backup.ts'

const folder = join(import.meta.dirname, '../../fixtures/archives')
const incomplete = 'project_backup_incomplete_task_0_has_no_data.zip'
const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.zip')).sort()

const warned: Record<string, string> = {
  'kinds/guide_two_assets_same_name.zip': 'duplicate-member',
  'kinds/label_name_equals_skeleton_plus_sublabel.zip': 'label-name-collides',
  'kinds/share_related_2d_nocopy.zip': 'context-images-missing',
  'kinds/static_img_predefined_nocache.zip': 'needs-no-static-cache',
  'kinds/static_img_random_nocache.zip': 'needs-no-static-cache',
  'kinds/static_project_with_one_random_nocache_task.zip': 'needs-no-static-cache',
  'kinds/static_share_random_nocopy.zip': 'needs-no-static-cache',
  'kinds/static_zip_random_nocache.zip': 'needs-no-static-cache',
}

function inspect(name: string, observation?: ReturnType<typeof observe>) {
  const content: ArchiveContent = /^project_(annotations|dataset)_/.test(name)
    ? { kind: 'annotations', format: 'CVAT for images 1.1', saveImages: name.includes('dataset') }
    : { kind: 'backup' }
  const entityType = name.includes('project') ? 'project' : 'task'
  return inspectArchive(join(folder, name), { entityType, content, observation })
}

describe('archives that a real CVAT made', () => {
  test('there are dozens of them', () => {
    expect(files.length).toBeGreaterThan(60)
  })

  test.each(files.filter((name) => name !== incomplete))('%s is found complete', async (name) => {
    const inspection = await inspect(name)
    expect(inspection.problems).toEqual([])
    expect(inspection.level).toBe('complete')
    expect(inspection.warnings.map(({ code }) => code)).toEqual(warned[name] ? [warned[name]] : [])
    expect(inspection.sha256).toBe(await hashFile(realFiles, join(folder, name)))
  })

  test('a backup whose task has lost its media on the server is named incomplete', async () => {
    const inspection = await inspect(incomplete, observe(4, 5))
    expect(inspection.level).toBe('sound')
    expect(inspection.problems).toEqual([
      { code: 'no-media', message: 'Task 101 (task_0) has 4 frames but no media', taskId: 101 },
    ])
  })

  test('it is named incomplete even when nothing is known of its tasks', async () => {
    expect((await inspect(incomplete)).problems.map(({ code }) => code)).toEqual(['no-media'])
  })

  test.each([
    ['project_backup.zip', [4]],
    ['project_backup_non_ascii_name.zip', [3, 3]],
    ['project_backup_no_tasks.zip', []],
    ['task_backup.zip', [5]],
    ['kinds/video_step2_cache.zip', [7]],
    ['kinds/images_step2_cache.zip', [4]],
    ['kinds/honeypots.zip', [10]],
    ['kinds/composed_project_cvats_own.zip', [4, 4, 4, 20]],
    ['kinds/project_mixed_video_honeypot_nodata.zip', [20, 4, 10, 0]],
  ])('%s agrees with the sizes that the API told: %j', async (name, sizes) => {
    expect(await inspect(name, observe(...sizes))).toMatchObject({ level: 'complete', problems: [] })
  })

  test('a task without data, which CVAT leaves out, is named', async () => {
    const { warnings } = await inspect('kinds/project_mixed_video_honeypot_nodata.zip', observe(20, 4, 10, 0))
    expect(warnings).toEqual([
      { code: 'tasks-without-data', message: 'CVAT leaves tasks without data out of its backups: 104 "task 104"' },
    ])
  })

  test('tasks, frames and annotations are counted', async () => {
    const { members } = await inspect('kinds/composed_project_cvats_own.zip', observe(4, 4, 4, 20))
    expect(members).toEqual({
      count: 29,
      perTask: [
        { position: 0, taskId: 101, name: 'Task 0 ü', frames: 4, annotations: 21 },
        { position: 1, taskId: 102, name: 'Task 1 ü', frames: 4, annotations: 12 },
        { position: 2, taskId: 103, name: 'Task 2 ü', frames: 4, annotations: 12 },
        { position: 3, taskId: 104, name: 'video', frames: 20, annotations: 0 },
      ],
    })
  })
})
