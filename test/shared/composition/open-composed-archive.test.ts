import { createHash } from 'node:crypto'
import { appendFile, open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { type CompositionPlan, planFolder, planTaskExtraction } from '#shared/composition/composition-plan.ts'
import { openComposedArchive } from '#shared/composition/open-composed-archive.ts'
import { openSourceArchive } from '#shared/composition/open-source-archive.ts'
import { directoryRow, endOfDirectory, localHeader } from '#shared/composition/zip-records.ts'
import { buildZip } from '../store/build-zip.ts'
import { planProject, planTask } from '../store/plan-backup.ts'
import { makeTemporaryFolder } from '../store/temporary-folder.ts'
import {
  describeFile,
  fixture,
  fixtures,
  listMembers,
  listWithPython,
  readTextMember,
  testWithUnzip,
  writeArchive,
  writeOut,
} from './composed-files.ts'

const cvatsOwn = join(fixtures, 'kinds/composed_project_cvats_own.zip')

/** The project of restore.md: its guide and project.json, and its four tasks from their own archives. */
async function planWholeProject(): Promise<CompositionPlan> {
  const base = await fixture('kinds/composed_project_cvats_own.zip')
  const own = ['composed_task_0', 'composed_task_1', 'composed_task_2', 'composed_task_3_video']
  const tasks = await Promise.all(own.map((name) => fixture(`kinds/${name}.zip`)))
  return { parts: [planFolder(base, '', ''), ...tasks.map((task, place) => planFolder(task, '', `task_${place}/`))] }
}

describe('a composed archive', () => {
  test('of the tasks’ own archives is CVAT’s project archive, member by member and to the size', async () => {
    const composed = await openComposedArchive(await planWholeProject())
    const path = await writeOut(composed)
    expect(await listMembers(path)).toEqual(await listMembers(cvatsOwn))
    expect(await listMembers(path)).toEqual(await listMembers(join(fixtures, 'kinds/composed_project_by_hand.zip')))
    expect(await listWithPython(path)).toEqual(await listWithPython(cvatsOwn))
    await testWithUnzip(path)
    expect((await stat(path)).size).toBe(composed.sizeBytes)
    expect(composed.sizeBytes).toBe((await stat(cvatsOwn)).size)
    expect(composed.memberCount).toBe(29)
    expect((await Array.fromAsync(composed.members())).map(({ name }) => name)).toEqual(
      (await listMembers(path)).map(({ name }) => name),
    )
  })

  test('of one task of a project is that task’s own archive, member by member', async () => {
    for (const [position, own] of ['composed_task_0', 'composed_task_1', 'composed_task_2'].entries()) {
      const plan = planTaskExtraction(await fixture('kinds/composed_project_cvats_own.zip'), position)
      const path = await writeOut(await openComposedArchive(plan))
      expect(await listMembers(path)).toEqual(await listMembers(join(fixtures, `kinds/${own}.zip`)))
      await testWithUnzip(path)
    }
  })

  test('has one SHA-256, whichever process asks and wherever a stream begins', async () => {
    const plan = await planWholeProject()
    const composed = await openComposedArchive(plan)
    const whole = await composed.read(0, composed.sizeBytes)
    expect(whole).toHaveLength(composed.sizeBytes)
    expect(await composed.hash()).toBe(createHash('sha256').update(whole).digest('hex'))
    const again = await openComposedArchive(JSON.parse(JSON.stringify(plan)) as CompositionPlan)
    for (let start = 0; start <= whole.length; start += 97) {
      const rest = Buffer.concat(await Array.fromAsync(again.stream({ start })))
      expect(rest.equals(whole.subarray(start))).toBe(true)
    }
    expect(await again.read(whole.length + 5, 10)).toHaveLength(0)
  })

  test('takes members over whose content is deflated', async () => {
    const text = 'the same again and again, '.repeat(500)
    const source = await writeArchive(buildZip([{ name: 'task_0/a.txt', data: text, deflate: true }]))
    const path = await writeOut(await openComposedArchive({ parts: [planFolder(source, 'task_0/', 'task_7/')] }))
    expect(await listWithPython(path)).toEqual([{ name: 'task_7/a.txt', sizeBytes: text.length, crc32: crc32(text) }])
    expect((await stat(path)).size).toBeLessThan(1_000)
    expect(await readTextMember(path, 'task_7/a.txt')).toBe(text)
  })

  test('changes the members that are named, each occurrence for itself, and nothing else', async () => {
    const source = await writeArchive(
      buildZip([
        { name: 'assets/pic.png', data: 'first' },
        { name: 'assets/pic.png', data: 'second' },
        { name: 'task.json', data: '{"a":1}' },
        { name: 'data/x.png', data: 'pixels' },
      ]),
    )
    const edits = [
      { name: 'assets/pic.png', occurrence: 1, fileName: 'pic-2.png' },
      { name: 'task.json', text: '{"a":"zwölf"}' },
    ]
    const composed = await openComposedArchive({ parts: [{ ...planFolder(source, '', ''), edits }] })
    const path = await writeOut(composed)
    expect((await stat(path)).size).toBe(composed.sizeBytes)
    expect((await listWithPython(path)).map(({ name }) => name)).toEqual([
      'assets/pic.png',
      'assets/pic-2.png',
      'task.json',
      'data/x.png',
    ])
    expect(await readTextMember(path, 'assets/pic-2.png')).toBe('second')
    expect(await readTextMember(path, 'task.json')).toBe('{"a":"zwölf"}')
    await testWithUnzip(path)
  })

  test('holds members that are made up, as the same bytes each time', async () => {
    const plan: CompositionPlan = {
      parts: [
        { name: 'project.json', content: '{"name":"ä"}' },
        { name: 'assets/ü.bin', content: new Uint8Array([1, 2, 3]) },
      ],
    }
    const path = await writeOut(await openComposedArchive(plan))
    expect(await listWithPython(path)).toMatchObject([{ name: 'project.json' }, { name: 'assets/ü.bin', sizeBytes: 3 }])
    expect(await (await openComposedArchive(plan)).hash()).toBe(await (await openComposedArchive(plan)).hash())
  })

  test('of nothing is an empty zip', async () => {
    const composed = await openComposedArchive({ parts: [] })
    expect(composed).toMatchObject({ sizeBytes: 22, memberCount: 0 })
  })

  test('keeps the order of folders that lie mixed in their archive', async () => {
    const [a, b] = [planTask('task_0/'), planTask('task_1/')]
    const mixed = a.flatMap((member, index) => [member, b[index]!])
    const source = await writeArchive(buildZip(planProject(mixed)))
    const path = await writeOut(await openComposedArchive(planTaskExtraction(source, 1)))
    expect((await listMembers(path)).map(({ name }) => name)).toEqual(planTask().map(({ name }) => name))
  })
})

describe('a composed archive beyond two and four gigabytes', () => {
  /** A stored zip with one member of so many zeros, which take no room on the disk. */
  async function writeSparse(sizeBytes: number) {
    const path = join(await makeTemporaryFolder(), 'sparse.zip')
    const zeros = Buffer.alloc(1 << 20)
    let crc = 0
    for (let left = sizeBytes; left > 0; left -= zeros.length) {
      crc = crc32(zeros.subarray(0, Math.min(left, zeros.length)), crc)
    }
    // Laid out by the product itself around a member without data: its header and directory are then put in place.
    const facts = { name: 'data/video.mp4', sizeBytes, compressedBytes: sizeBytes, crc32: crc, method: 0 }
    const member = { ...facts, modified: 0x210000, externalAttributes: 0 }
    const header = localHeader(member)
    await using file = await open(path, 'wx')
    await file.write(header)
    await file.truncate(header.length + sizeBytes)
    const row = directoryRow(member, 0)
    await appendFile(path, Buffer.concat([row, endOfDirectory(1, header.length + sizeBytes, row.length)]))
    return describeFile(path)
  }

  test('is one that yauzl and Python find all members in, and its ranges are right around each border', async () => {
    const big = await writeSparse(4_400_000_000)
    const small = await writeArchive(buildZip(planTask()))
    const composed = await openComposedArchive({
      parts: [
        { name: 'project.json', content: '{}' },
        planFolder(big, '', 'task_0/'),
        planFolder(small, '', 'task_1/'),
        { name: 'last.txt', content: 'the end' },
      ],
    })
    expect(composed.sizeBytes).toBeGreaterThan(4_400_000_000)
    // Written as a file with a hole where the zeros are: all but them comes from the composed archive.
    const path = join(await makeTemporaryFolder(), 'composed.zip')
    await using file = await open(path, 'wx')
    const head = await composed.read(0, 1_000)
    const tailAt = composed.sizeBytes - 10_000
    const tail = await composed.read(tailAt, 20_000)
    expect(tail).toHaveLength(10_000)
    await file.write(head, 0, head.length, 0)
    await file.write(tail, 0, tail.length, tailAt)
    const names = ['project.json', 'task_0/data/video.mp4', ...planTask('task_1/').map(({ name }) => name), 'last.txt']
    expect((await listMembers(path)).map(({ name }) => name)).toEqual(names)
    expect(await readTextMember(path, 'last.txt')).toBe('the end')
    expect(await readTextMember(path, 'task_1/task.json')).toBe(await readTextMember(small.archivePath, 'task.json'))
    for (const border of [0x7fffffff, 0xffffffff]) {
      const around = await composed.read(border - 500, 1_000)
      expect(around.equals(Buffer.alloc(1_000))).toBe(true)
    }
    await using source = await openSourceArchive(path)
    expect(source.memberCount).toBe(names.length)
  }, 120_000)

  test('has more members than a plain zip can count', async () => {
    const many = Array.from({ length: 70_000 }, (_, index) => ({ name: `data/${index}`, data: '' }))
    const parts = [0, 1].map((half) => buildZip(many.slice(half * 35_000, (half + 1) * 35_000)))
    const files = await Promise.all(parts.map(writeArchive))
    const composed = await openComposedArchive({ parts: files.map((file) => planFolder(file, '', '')) })
    const path = await writeOut(composed)
    expect(composed.memberCount).toBe(70_000)
    expect((await listWithPython(path)).length).toBe(70_000)
    expect((await listMembers(path)).at(-1)?.name).toBe('data/69999')
  }, 60_000)
})

describe('a composed archive does not pass on', () => {
  test('damaged members', async () => {
    const bytes = buildZip(planTask())
    const at = bytes.indexOf('pixels of a task 1')
    bytes[at] = bytes[at]! ^ 1
    const composed = await openComposedArchive({ parts: [planFolder(await writeArchive(bytes), '', '')] })
    await expect(composed.hash()).rejects.toMatchObject({ code: 'damaged-archive' })
  })

  test('an archive that has changed since it was planned', async () => {
    const file = await writeArchive(buildZip(planTask()))
    const plan = { parts: [planFolder(file, '', '')] }
    const composed = await openComposedArchive(plan)
    await appendFile(file.archivePath, 'more')
    await expect(composed.hash()).rejects.toMatchObject({ code: 'archive-changed' })
    await expect(openComposedArchive(plan)).rejects.toMatchObject({ code: 'archive-changed' })
  })

  test('a folder or an edit that finds nothing', async () => {
    const file = await writeArchive(buildZip(planTask()))
    await expect(openComposedArchive(planTaskExtraction(file, 3))).rejects.toMatchObject({ code: 'no-such-member' })
    const edits = [{ name: 'project.json', text: '{}' }]
    const plan = { parts: [{ ...planFolder(file, '', ''), edits }] }
    await expect(openComposedArchive(plan)).rejects.toMatchObject({ code: 'no-such-member' })
  })

  test.each([
    ['a name that leads out', { name: '../x', data: 'x' }],
    ['a link', { name: 'data/link', data: '/etc/passwd', claims: { mode: 0o120777 } }],
    ['a size that is not there', { name: 'data/x', data: 'x', claims: { size: 5e8, compressedSize: 5e8 } }],
    ['another name in its own header', { name: 'data/x', data: 'x', claims: { localName: 'data/y' } }],
  ])('%s', async (_, member) => {
    const file = await writeArchive(buildZip([member]))
    const read = async () => (await openComposedArchive({ parts: [planFolder(file, '', '')] })).hash()
    await expect(read()).rejects.toMatchObject({ code: expect.stringMatching(/^(unsound|damaged)-archive$/) })
  })
})
