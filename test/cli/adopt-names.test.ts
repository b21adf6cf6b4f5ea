import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { mayBeLabelOf, parseOriginalName } from '../../cli/adopt/parse-original-name.ts'
import { contentDisposition } from '../simulator/content-disposition.ts'
import { nameLikeTheOriginal } from './adopt-fixture.ts'

describe('the names that the original gave', () => {
  test.each([
    ['project_eta_backup_2026_11_22_20_32_44.zip', 'project', 'eta', '2026-11-22T20:32:44Z'],
    ['task_eta task 0_backup_2026_11_22_20_42_48.zip', 'task', 'eta task 0', '2026-11-22T20:42:48Z'],
    ['project__backup_2026_11_22_20_32_44.zip', 'project', '', '2026-11-22T20:32:44Z'],
    [
      'project_a_backup_2020_01_01_00_00_00.zip_backup_2026_11_22_20_32_44.zip',
      'project',
      'a_backup_2020_01_01_00_00_00.zip',
      '2026-11-22T20:32:44Z',
    ],
    [
      `project_theta unicode_backup_2026_11_22_20_32_55.zip"; filename*=UTF-8''project_theta%20%C3%BCn%C3%AFcode_backup_2026_11_22_20_32_55.zip`,
      'project',
      'theta ünïcode',
      '2026-11-22T20:32:55Z',
    ],
    [
      `task_8_annotations_2026_11_22_20_32_15_x_backup_2026_11_22_20_42_48.zip`,
      'task',
      '8_annotations_2026_11_22_20_32_15_x',
      '2026-11-22T20:42:48Z',
    ],
  ])('of a backup are read: %s', (fileName, type, label, changedAt) => {
    expect(parseOriginalName(fileName)).toEqual({ kind: 'backup', type, label, changedAt })
  })

  test('of annotations are read, with images and without', () => {
    const name = 'project_8_annotations_2026_11_22_20_32_15_cvat for images 1.1.zip'
    const expected = {
      kind: 'annotations',
      type: 'project',
      id: 8,
      format: 'cvat for images 1.1',
      changedAt: '2026-11-22T20:32:15Z',
    }
    expect(parseOriginalName(name)).toEqual({ ...expected, saveImages: false })
    expect(parseOriginalName(name.replace('annotations', 'dataset'))).toEqual({ ...expected, saveImages: true })
  })

  test.each([
    'project_eta_backup_2026_11_22_20_32_44.zip.part',
    'project_eta_backup_2026_11_22_20_32.zip',
    'project_eta_backup_2026_02_30_20_32_44.zip',
    'project_eta_backup_2026_11_22_25_32_44.zip',
    'Project_eta_backup_2026_11_22_20_32_44.zip',
    'job_eta_backup_2026_11_22_20_32_44.zip',
    'project_eta_annotations_2026_11_22_20_32_15_cvat for images 1.1.zip',
    'project_08_annotations_2026_11_22_20_32_15_cvat for images 1.1.zip',
    'project_8_annotations_2026_11_22_20_32_15.zip',
    'download',
    '20261122T203444Z-backup-alpha-1a2b3c4d.zip',
  ])('are not mistaken: %s', (fileName) => {
    expect(parseOriginalName(fileName)).toBeUndefined()
  })

  test('lead back to the project, whatever it is called', () => {
    // A slash kept the original from saving at all; «filename=» made it cut the name off.
    const anyName = fc.string({ unit: 'binary', minLength: 1 }).filter((name) => !/[/\p{Cc}]|filename=/iu.test(name))
    const anyTime = fc.date({ min: new Date('2000-01-01'), max: new Date('2099-12-31'), noInvalidDate: true })
    fc.assert(
      fc.property(anyName, anyTime, (name, time) => {
        const stamp = time.toISOString().slice(0, 19).replaceAll(/[-:T]/g, '_')
        const proposed = `project_${name}_backup_${stamp}.zip`.toLowerCase()
        const parsed = parseOriginalName(nameLikeTheOriginal(contentDisposition(proposed)))
        expect(parsed).toMatchObject({ kind: 'backup', changedAt: `${time.toISOString().slice(0, 19)}Z` })
        expect(parsed?.kind === 'backup' && mayBeLabelOf(parsed.label, name)).toBe(true)
      }),
    )
  })
})
