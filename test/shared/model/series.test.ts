import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type ArchiveContent, contentSchema, formatContent, formatSeries } from '#shared/model/series.ts'

const content = fc.oneof(
  fc.constant<ArchiveContent>({ kind: 'backup' }),
  fc.record({
    kind: fc.constant('annotations' as const),
    format: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 200 }),
    saveImages: fc.boolean(),
  }),
)

test('a series is a safe part of file names, job ids and Redis keys, whatever its format is called', () => {
  fc.assert(
    fc.property(content, fc.integer({ min: 1, max: 1e9 }), (value, id) => {
      expect(formatSeries({ entity: { type: 'task', id }, content: value })).toMatch(
        /^task-\d+\.(backup|annotations-[0-9a-f]{8})$/,
      )
    }),
  )
})

test('equal contents have equal keys, and images or another format make another series', () => {
  const plain: ArchiveContent = { kind: 'annotations', format: 'COCO 1.0', saveImages: false }
  expect(formatContent({ ...plain })).toBe(formatContent(plain))
  expect(formatContent({ ...plain, saveImages: true })).not.toBe(formatContent(plain))
  expect(formatContent({ ...plain, format: 'COCO 1.1' })).not.toBe(formatContent(plain))
  expect(formatContent(plain)).not.toBe(formatContent({ kind: 'backup' }))
})

test('a key survives a trip through JSON, as queues and records make it', () => {
  fc.assert(
    fc.property(content, (value) => {
      const parsed = contentSchema.safeParse(JSON.parse(JSON.stringify(value)))
      // Formats longer than the schema admits never get into a queue.
      if (parsed.success) expect(formatContent(parsed.data)).toBe(formatContent(value))
    }),
  )
})

test('the keys are those that earlier versions wrote into folders', () => {
  expect(formatContent({ kind: 'backup' })).toBe('backup')
  expect(formatContent({ kind: 'annotations', format: 'CVAT for images 1.1', saveImages: false })).toBe(
    'annotations-e940b05f',
  )
})
