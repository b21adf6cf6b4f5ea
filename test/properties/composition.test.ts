// Any plan over any sound archives: a zip that independent readers accept, and whose ranges are those of the whole.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { CompositionPart, CompositionPlan } from '#shared/composition/composition-plan.ts'
import { openComposedArchive } from '#shared/composition/open-composed-archive.ts'
import { listMembers, listWithPython, writeOut } from '../shared/composition/composed-files.ts'
import { buildZip } from '../shared/store/build-zip.ts'
import { makeTemporaryFolder } from '../shared/store/temporary-folder.ts'

const letters = fc.constantFrom('a', 'b', 'ä', '人', ' ', '%', '-', '😀')
const path = fc.array(fc.string({ unit: letters, minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 3 })
const content = fc.oneof(
  fc.uint8Array({ maxLength: 60 }),
  fc.nat(3_000).map((length) => new Uint8Array(length).fill(65)),
)
const member = fc.record({ path: path.map((parts) => parts.join('/')), data: content, deflate: fc.boolean() })

/** An archive: at its root and in task folders, runs of members that may lie mixed. */
const archive = fc.array(fc.record({ folder: fc.constantFrom('', 'task_0/', 'task_7/'), member }), { maxLength: 12 })

/** Of one of the archives one of its folders, under any other name; or something made up. */
const part = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ archive: fc.nat(2), folder: fc.nat(2), to: fc.constantFrom('', 'task_3/', 'x/') }),
  },
  { weight: 1, arbitrary: fc.record({ name: path.map((parts) => parts.join('/')), content }) },
)

test('any plan is a zip that yauzl and Python read alike, with the members and the order of the plan', async () => {
  let samples = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(archive, { minLength: 3, maxLength: 3 }),
      fc.array(part, { maxLength: 5 }),
      fc.gen(),
      async (archives, parts, gen) => {
        const folder = await makeTemporaryFolder()
        const expected: { name: string; sizeBytes: number; crc32: number }[] = []
        const planned: CompositionPart[] = []
        for (const [index, members] of archives.entries()) {
          const bytes = buildZip(members.map(({ folder, member }) => ({ ...member, name: folder + member.path })))
          await writeFile(join(folder, `${index}.zip`), bytes)
        }
        for (const one of parts) {
          if ('content' in one) {
            planned.push(one)
            expected.push({ name: one.name, sizeBytes: one.content.length, crc32: crc32(one.content) })
            continue
          }
          const members = archives[one.archive]!
          const folders = [...new Set(members.map((each) => each.folder))]
          if (folders.length === 0) continue
          const from = folders[one.folder % folders.length]!
          const archivePath = join(folder, `${one.archive}.zip`)
          const archiveBytes = buildZip(
            members.map(({ folder, member }) => ({ ...member, name: folder + member.path })),
          ).length
          planned.push({ archivePath, archiveBytes, folder: from, to: one.to })
          for (const { member } of members.filter((each) => each.folder === from)) {
            expected.push({ name: one.to + member.path, sizeBytes: member.data.length, crc32: crc32(member.data) })
          }
        }
        const plan: CompositionPlan = { parts: planned }
        const composed = await openComposedArchive(plan)
        const whole = await composed.read(0, composed.sizeBytes)
        expect(whole.length).toBe(composed.sizeBytes)
        const start = gen(fc.nat, { max: whole.length })
        const length = gen(fc.nat, { max: whole.length })
        const range = await (await openComposedArchive(plan)).read(start, length)
        expect(range.equals(whole.subarray(start, start + length))).toBe(true)
        const written = await writeOut(composed)
        expect(sortByName(await listMembers(written))).toEqual(sortByName(expected))
        // A process of its own is slow: not for every plan.
        if (samples++ % 8 === 0) expect(await listWithPython(written)).toEqual(expected)
      },
    ),
    { numRuns: 80 },
  )
}, 120_000)

function sortByName<T extends { name: string; crc32: number }>(members: readonly T[]): T[] {
  return members.toSorted((a, b) => (a.name === b.name ? a.crc32 - b.crc32 : a.name < b.name ? -1 : 1))
}
