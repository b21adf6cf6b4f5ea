// Annotations are compared as multisets: against the plain answer that holds all of them in memory.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareAnnotations } from '#shared/comparison/compare-annotations.ts'
import { describeRaw, type RawAnnotation } from '#shared/comparison/normalise-annotation.ts'
import { type FoundAnnotation, splitAnnotations } from '#shared/comparison/split-annotations.ts'

const annotation = fc.record({
  kind: fc.constantFrom('tags' as const, 'shapes' as const, 'tracks' as const),
  frame: fc.nat(3),
  label: fc.constantFrom('a', 'b"\\', '人{['),
  note: fc.string({ maxLength: 5 }),
})
type Annotation = typeof annotation extends fc.Arbitrary<infer T> ? T : never
const state = fc.array(fc.array(annotation, { maxLength: 8 }), { maxLength: 3 })

function write(jobs: Annotation[][]): Buffer {
  const ofKind = (job: Annotation[], kind: Annotation['kind']) =>
    job.filter((one) => one.kind === kind).map(({ kind: _, ...rest }) => rest)
  return Buffer.from(
    JSON.stringify(
      jobs.map((job) => ({
        version: 0,
        tags: ofKind(job, 'tags'),
        shapes: ofKind(job, 'shapes'),
        tracks: ofKind(job, 'tracks'),
      })),
    ),
  )
}

function split(bytes: Buffer, chunk: number): { found: FoundAnnotation[]; isWhole: boolean } {
  const found: FoundAnnotation[] = []
  const splitter = splitAnnotations((one) => void found.push(one), 1e6)
  for (let at = 0; at < bytes.length; at += chunk) splitter.push(bytes.subarray(at, at + chunk))
  return { found, isWhole: splitter.finish() }
}

test('annotations.json is taken apart alike, however it is cut into chunks', () => {
  fc.assert(
    fc.property(state, fc.integer({ min: 1, max: 40 }), (jobs, chunk) => {
      const { found, isWhole } = split(write(jobs), chunk)
      expect(isWhole).toBe(true)
      const expected = jobs.flatMap((list, job) =>
        (['tags', 'shapes', 'tracks'] as const).flatMap((kind) =>
          list
            .filter((one) => one.kind === kind)
            .map(({ kind: _, ...rest }) => ({ kind: kind.slice(0, -1), job, rest })),
        ),
      )
      expect(found.map(({ kind, job, text }) => ({ kind, job, rest: JSON.parse(text) }))).toEqual(expected)
    }),
  )
})

test('what was added and removed is what the multisets differ in', async () => {
  await fc.assert(
    fc.asyncProperty(state, state, async (before, after) => {
      const readerOf = (jobs: Annotation[][]) => async (take: (one: RawAnnotation) => void) => {
        for (const found of split(write(jobs), 16).found) take(describeRaw(found, 'annotation'))
      }
      const changes = await compareAnnotations(readerOf(before), readerOf(after))
      const left = after.flat().map((one) => JSON.stringify(one))
      let removed = 0
      for (const one of before.flat()) {
        const at = left.indexOf(JSON.stringify(one))
        if (at === -1) removed += 1
        else left.splice(at, 1)
      }
      const { added = 0, removed: gone = 0, changed = 0 } = changes ?? {}
      expect({ added: added + changed, removed: gone + changed }).toEqual({ added: left.length, removed })
    }),
  )
})
