import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatArchiveBase, parseArchiveBase } from '#shared/store/archive-name.ts'

const sha256 = '1a2b3c4d'.padEnd(64, '0')
const alpha = { createdAt: '2026-11-22T20:34:44.987Z', content: { kind: 'backup' }, name: 'alpha', sha256 } as const

describe('the name of an archive', () => {
  test('tells time, kind, name and digest', () => {
    expect(formatArchiveBase(alpha)).toBe('20261122T203444Z-backup-alpha-1a2b3c4d')
  })

  test('tells copies apart', () => {
    expect(formatArchiveBase(alpha, 2)).toBe('20261122T203444Z-backup-alpha-1a2b3c4d-2')
  })

  test('of annotations tells the format by its digest', () => {
    const content = { kind: 'annotations', format: 'CVAT for images 1.1', saveImages: false } as const
    expect(formatArchiveBase({ ...alpha, content })).toMatch(
      /^20261122T203444Z-annotations-[0-9a-f]{8}-alpha-1a2b3c4d$/,
    )
  })

  test.each([
    'project.json',
    '20261122T203444Z-backup-alpha',
    '20261322T203444Z-backup-alpha-1a2b3c4d',
    '20261122T203444Z-backup--1a2b3c4d',
    '20261122T203444Z-dataset-alpha-1a2b3c4d',
    'x20261122T203444Z-backup-alpha-1a2b3c4d',
    '20261122T203444Z-backup-alpha-1A2B3C4D',
    '20261122T203444Z-backup-alpha-1a2b3c4d (copy)',
    '20261122T203444Z-backup-alpha-1a2b3c4d-100',
  ])('is not %j', (name) => {
    expect(parseArchiveBase(name)).toBeUndefined()
  })

  test('is read back as it was written, whatever the entity is called, and fits the strictest file systems', () => {
    const inputs = fc.record({
      createdAt: fc
        .date({ min: new Date('2000-01-01'), max: new Date('2099-12-31'), noInvalidDate: true })
        .map((date) => date.toISOString()),
      content: fc.oneof(
        fc.constant({ kind: 'backup' } as const),
        fc.record({ kind: fc.constant('annotations' as const), format: fc.string(), saveImages: fc.boolean() }),
      ),
      name: fc.oneof(
        fc.string({ unit: 'binary', maxLength: 120 }),
        fc.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{8})*(-\d{1,2})?$/),
      ),
      sha256: fc.stringMatching(/^[0-9a-f]{64}$/),
    })
    fc.assert(
      fc.property(inputs, fc.integer({ min: 1, max: 20 }), (input, copy) => {
        const base = formatArchiveBase(input, copy)
        expect(Buffer.byteLength(`${base}.json`)).toBeLessThanOrEqual(143)
        for (const listed of [base, base.normalize('NFD')]) {
          expect(parseArchiveBase(listed)).toMatchObject({
            createdAt: `${input.createdAt.slice(0, 19)}Z`,
            digest: input.sha256.slice(0, 8),
          })
        }
      }),
    )
  })
})
