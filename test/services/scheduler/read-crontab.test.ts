import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readCrontab, readSchedules } from '#services/scheduler/read-crontab.ts'
import { makeTemporaryFolder } from '../../shared/store/temporary-folder.ts'

const read = (text: string) => readCrontab(text, 'crontab').map(({ line: _, ...schedule }) => schedule)

describe('a schedule file', () => {
  test('is read line by line, with comments, empty lines, tabs and Windows line ends', () => {
    const text = [
      '# nightly',
      '',
      '0 0 * * * backup --mode p',
      '\t*/5  0-6 *  * 1,3\tbackup   --mode=a   # the annotations',
      '@daily sweep',
      '30 2 * * * verify',
      '   ',
      '30 2 1 JAN SUN backup --full --mode t',
    ].join('\r\n')
    expect(readCrontab(text, 'crontab')).toEqual([
      { cron: '0 0 * * *', line: 3, what: 'backup', mode: 'p', full: false },
      { cron: '*/5 0-6 * * 1,3', line: 4, what: 'backup', mode: 'a', full: false },
      { cron: '@daily', line: 5, what: 'sweep' },
      { cron: '30 2 * * *', line: 6, what: 'verify' },
      { cron: '30 2 1 JAN SUN', line: 8, what: 'backup', mode: 't', full: true },
    ])
  })

  test('of nothing but comments holds no schedule', () => {
    expect(read('# backup --mode p\n\n')).toEqual([])
  })

  test('that comes with the product is sound', async () => {
    const text = await readFile(join(import.meta.dirname, '../../../crontab'), 'utf8')
    expect(read(text).map(({ what }) => what)).toContain('sweep')
    expect(read(text).map(({ what }) => what)).toContain('backup')
    expect(read(text).map(({ what }) => what)).toContain('verify')
  })

  test.each(['@hourly', '@daily', '@weekly', '@monthly', '@yearly'])('may say %s', (cron) => {
    expect(read(`${cron} backup --mode p`)).toEqual([{ cron, what: 'backup', mode: 'p', full: false }])
  })

  test('has all its faults named at once, each with its line', () => {
    const text = [
      '0 0 * * * backup --mode p',
      '61 0 * * * sweep',
      '0 0 * * * backup',
      '0 0 * * * backup --mode x',
      '0 0 * * *',
      '0 0 * * * restore',
      '@sometimes sweep',
      '0 0 * * * sweep --all',
      '0 0 * * * verify --all',
      '0 0 * * * backup --mode p --mode a',
    ].join('\n')
    const error = catchError(() => readCrontab(text, '/etc/crontab'))
    expect(error).toMatchObject({ code: 'crontab', retryable: false })
    expect(error.message).toContain('/etc/crontab')
    for (const line of [2, 3, 4, 5, 6, 7, 8, 9, 10]) expect(error.message).toMatch(new RegExp(`line ${line} `))
    expect(error.message).not.toContain('line 1 ')
  })

  test.each([
    // Lines of a system crontab name programs; running something else instead would be a guess.
    '0 0 * * * /usr/local/bin/backup.sh --mode p',
    '0 0 * * * root backup --mode p',
    '0 0 * * * cd /srv && backup --mode p',
    '0 0 * * * backup --mode p >> /var/log/backup.log 2>&1',
    'MAILTO=root',
  ])('with the line %j is refused', (line) => {
    expect(catchError(() => readCrontab(line, 'crontab'))).toMatchObject({ code: 'crontab' })
  })

  test('that cannot be read is told with its path and what to set', async () => {
    const path = join(await makeTemporaryFolder(), 'missing')
    await expect(readSchedules(path)).rejects.toMatchObject({
      code: 'crontab',
      message: expect.stringContaining(path),
      hint: expect.stringContaining('CVAT_BACKUP_SCHEDULE_FILE'),
    })
    await writeFile(path, '@daily sweep\n')
    expect(await readSchedules(path)).toHaveLength(1)
  })
})

function catchError(run: () => unknown): Error {
  try {
    run()
  } catch (error) {
    return error as Error
  }
  throw new Error('it should have thrown')
}
