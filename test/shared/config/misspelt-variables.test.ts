import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { countEdits, findMisspeltVariables } from '#shared/config/misspelt-variables.ts'
import { variableNames } from '#shared/config/setting.ts'
import { allSettingGroups } from '../../../cli/setting-groups.ts'

const groups = Object.values(allSettingGroups).map(({ settings }) => Object.values(settings).flatMap(variableNames))
const known = groups.flat()

describe('misspelt variables', () => {
  test.each([
    ['CVAT_ULR', 'CVAT_URL'],
    ['CVAT_BACKUP_TLL', 'CVAT_BACKUP_TTL'],
    ['CVAT_BACKUP_TTL_HOUR', 'CVAT_BACKUP_TTL_HOURS'],
    ['CVAT_ORGANISATION', 'CVAT_ORGANIZATION'],
    ['CVAT_BACKUPS_DIR', 'CVAT_BACKUP_DIR'],
    ['CVAT_BACKUP_PARALEL_EXPORT', 'CVAT_BACKUP_PARALLEL_EXPORTS'],
    ['CVAT_PASSWORD_FIEL', 'CVAT_PASSWORD_FILE'],
    ['CVAT_MIN_NUM_BACKUP', 'CVAT_MIN_NUM_BACKUPS'],
    ['BOARD_READONLY', 'BOARD_READ_ONLY'],
  ])('%s is a fault that asks for %s', (name, meant) => {
    const faults = findMisspeltVariables({ [name]: 'x' }, known)
    expect(faults).toMatchObject([{ name, problem: `is not known; perhaps ${meant} is meant` }])
  })

  test.each([
    'CVAT_HOST',
    'CVAT_SSL',
    'CVAT_VERSION',
    'CVAT_REDIS_INMEM_HOST',
    'CVAT_POSTGRES_USER',
    'BOARD_ID',
    'LOG_LEVE',
    'PATH',
  ])('%s belongs to others and is let be', (name) => {
    expect(findMisspeltVariables({ [name]: 'x' }, known)).toEqual([])
  })

  test('that are empty count as not set', () => {
    expect(findMisspeltVariables({ CVAT_ULR: '' }, known)).toEqual([])
  })

  test('do not show their value, which may be a secret', () => {
    expect(JSON.stringify(findMisspeltVariables({ CVAT_PASWORD: 'hunter-two' }, known))).not.toContain('hunter')
  })

  test('cannot be settings of another process: those are never taken for typos of this one', () => {
    for (const own of groups) {
      const others = known.filter((name) => !own.includes(name))
      expect(findMisspeltVariables(Object.fromEntries(others.map((name) => [name, 'x'])), own)).toEqual([])
    }
  })
})

describe('the edit distance', () => {
  const word = fc.string({ unit: fc.constantFrom('A', 'B', '_'), maxLength: 8 })

  test('is nothing for equal words only, and the same in both directions', () => {
    fc.assert(
      fc.property(word, word, (a, b) => {
        expect(countEdits(a, b) === 0).toBe(a === b)
        expect(countEdits(a, b)).toBe(countEdits(b, a))
      }),
    )
  })

  test('is at most one after one edit', () => {
    fc.assert(
      fc.property(word, fc.nat(8), fc.constantFrom('', 'X'), fc.boolean(), (text, position, inserted, remove) => {
        const edited = text.slice(0, position) + inserted + text.slice(position + (remove ? 1 : 0))
        expect(countEdits(text, edited)).toBeLessThanOrEqual(1)
      }),
    )
  })
})
