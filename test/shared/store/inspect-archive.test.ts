import { randomBytes } from 'node:crypto'
import { type FileHandle, open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { ArchiveContent } from '#shared/model/series.ts'
import { type InspectOptions, inspectArchive } from '#shared/store/inspect-archive.ts'
import { buildZip, type MemberPlan } from './build-zip.ts'
import { observe, planProject, planTask, withClaims, withData, without } from './plan-backup.ts'
import { makeTemporaryFolder } from './temporary-folder.ts'

const taskBackup = { entityType: 'task', content: { kind: 'backup' } } as const
const projectBackup = { entityType: 'project', content: { kind: 'backup' } } as const

async function inspectBytes(bytes: Uint8Array, options: InspectOptions = taskBackup) {
  const path = join(await makeTemporaryFolder(), 'archive.zip')
  await writeFile(path, bytes)
  return inspectArchive(path, options)
}

const inspect = (members: readonly MemberPlan[], options: InspectOptions = taskBackup) =>
  inspectBytes(buildZip(members), options)

async function codes(members: readonly MemberPlan[], options?: InspectOptions) {
  const { problems } = await inspect(members, options)
  return problems.map(({ code }) => code)
}

describe('structure', () => {
  test('a sound archive is complete', async () => {
    expect(await inspect(planTask(), { ...taskBackup, observation: observe(3) })).toMatchObject({
      level: 'complete',
      problems: [],
      warnings: [],
      members: { count: 6, perTask: [{ position: 0, taskId: 101, name: 'a task', frames: 3, annotations: 1 }] },
    })
  })

  test('deflated members are read as well', async () => {
    const members = planTask().map((member) => ({ ...member, deflate: true }))
    expect(await inspect(members)).toMatchObject({ level: 'complete', problems: [] })
  })

  test('a disk that gives a few bytes at a time changes nothing', async () => {
    const members = planTask().map((member) => ({ ...member, deflate: true }))
    const expected = await inspect(members)
    const openSparing = async (...args: Parameters<typeof open>) => {
      const handle = await open(...args)
      const read = handle.read.bind(handle) as (...all: unknown[]) => ReturnType<FileHandle['read']>
      const sparing = (buffer: Buffer, offset: number, length: number, position: number) =>
        read(buffer, offset, Math.min(7, length), position)
      return Object.assign(handle, { read: sparing })
    }
    const files = { open: openSparing } as unknown as NonNullable<InspectOptions['files']>
    expect(await inspect(members, { ...taskBackup, files })).toEqual(expected)
  })

  test('members in another order than the directory lists them are fine and hashed once', async () => {
    const zip = buildZip(planTask())
    const shuffled = reverseDirectory(zip)
    const [one, other] = [await inspectBytes(zip), await inspectBytes(shuffled)]
    expect(other).toMatchObject({ level: 'complete', problems: [], members: one.members })
    expect(other.sha256).not.toBe(one.sha256)
  })

  test.each([
    ['../outside.png', 'unsafe-name'],
    ['data/../../outside.png', 'unsafe-name'],
    ['/etc/passwd', 'unsafe-name'],
    ['C:/windows', 'unsafe-name'],
    ['data\\picture.png', 'unsafe-name'],
    ['data/new\nline.png', 'unsafe-name'],
  ])('a member named %j is a problem', async (name, code) => {
    const inspection = await inspect([...planTask(), { name, data: 'x' }])
    expect(inspection.level).toBe('whole')
    expect(inspection.problems.map((problem) => problem.code)).toEqual([code])
  })

  test.each<[string, string, MemberPlan['claims']]>([
    ['a symbolic link', 'special-file', { mode: 0o120777 }],
    ['a device', 'special-file', { mode: 0o020644 }],
    ['encrypted', 'encrypted-member', { flags: 1 }],
    ['compressed in a way nobody uses', 'unknown-compression', { method: 99 }],
    ['of another CRC-32', 'damaged-member', { crc: 1 }],
    ['of another size', 'damaged-member', { size: 4 }],
    ['named otherwise in its own header', 'damaged-member', { localName: 'other.json' }],
    ['said to begin where nothing does', 'damaged-member', { offset: 5 }],
  ])('a member that is %s is a problem', async (_, code, claims) => {
    expect(await codes(withClaims(planTask(), 'data/picture_1.png', claims))).toContain(code)
  })

  test('a deflated member that is larger than stated is not read on', async () => {
    const member = { name: 'data/extra.bin', data: 'a'.repeat(10_000), deflate: true, claims: { size: 100 } }
    expect(await codes([...planTask(), member])).toEqual(['damaged-member'])
  })

  test('a deflated member that grows out of proportion is not read', async () => {
    const member = { name: 'data/bomb.bin', data: Buffer.alloc(1_000_000), deflate: true }
    const options = { ...taskBackup, limits: { freeInflatedBytes: 1000, maxRatio: 100 } }
    expect(await codes([...planTask(), member], options)).toEqual(['too-compressed'])
  })

  test('members that share their bytes are a problem, and are not read', async () => {
    const members = [...planTask(), { name: 'data/again.png', data: 'x', claims: { offset: 0 } }]
    expect((await inspect(members)).problems[0]).toMatchObject({ code: 'overlapping-members' })
  })

  test('a member that reaches into the next one is a problem', async () => {
    const first = { name: 'data/greedy.bin', data: '0123456789', claims: { compressedSize: 40, size: 40 } }
    expect(await codes([first, ...planTask()])).toEqual(['overlapping-members'])
  })

  test('more members than the limit are a problem', async () => {
    expect(await codes(planTask(), { ...taskBackup, limits: { maxMembers: 3 } })).toContain('too-many-members')
  })

  test('two members of one name and one content do no harm', async () => {
    const copy = { name: 'data/picture_0.png', data: 'pixels of a task 0' }
    expect(await inspect([...planTask(), copy])).toMatchObject({ level: 'complete', warnings: [] })
  })

  test('two members of one name and different content are a problem', async () => {
    expect(await codes([...planTask(), { name: 'data/picture_0.png', data: 'other' }])).toEqual(['duplicate-member'])
  })

  test('numbers of 64 bits are read like others', async () => {
    const members = planTask().map((member) => ({ ...member, zip64: {} }))
    const plain = await inspect(planTask())
    const wide = await inspectBytes(buildZip(members, { zip64: {} }))
    expect(wide).toMatchObject({ level: 'complete', problems: [], members: plain.members })
  })

  test.each<[string, NonNullable<MemberPlan['zip64']>, RegExp]>([
    ['a size', { size: 2n ** 62n }, /damaged-member|too-compressed/],
    ['sizes', { size: 2n ** 62n, compressedSize: 2n ** 62n }, /overlapping-members/],
    ['a size of 2^64 - 1', { size: 2n ** 64n - 1n, compressedSize: 2n ** 64n - 1n }, /overlapping-members/],
    ['a place', { offset: 2n ** 62n }, /damaged-member/],
  ])(
    'a member that claims %s beyond everything is a problem, and nothing is read or reserved for it',
    async (...row) => {
      const [, zip64, code] = row
      const { problems } = await inspect([...planTask(), { name: 'data/wide.bin', data: 'x', zip64 }])
      expect(problems.map((problem) => problem.code).join()).toMatch(code)
    },
  )

  test.each([7n, 2n ** 40n, 2n ** 64n - 1n])(
    'a directory that claims %s members and has 6 is no whole archive',
    async (members) => {
      const error = await inspectBytes(buildZip(planTask(), { zip64: { members } })).catch((caught: unknown) => caught)
      if (error instanceof Error)
        expect(error).toMatchObject({ code: expect.stringMatching(/^(damaged|truncated)-archive$/) })
      else expect(error).toMatchObject({ level: 'whole' })
    },
  )

  test('problems beyond a hundred are counted, not listed', async () => {
    const bad = Array.from({ length: 150 }, (_, index) => ({ name: `../${index}`, data: 'x' }))
    const { problems } = await inspect([...planTask(), ...bad])
    expect(problems).toHaveLength(101)
    expect(problems.at(-1)).toEqual({ code: 'more', message: 'and 50 more' })
  })

  test('a member larger than a chunk is read through', async () => {
    const big = randomBytes(3_500_000)
    expect(await inspect([...planTask(), { name: 'data/big.bin', data: big }])).toMatchObject({ level: 'complete' })
    const broken = buildZip([...planTask(), { name: 'data/big.bin', data: big }])
    broken[broken.length - 1_000_000]! ^= 1
    expect((await inspectBytes(broken)).problems.map(({ code }) => code)).toEqual(['damaged-member'])
  })
})

describe('no zip at all', () => {
  test.each([
    ['an empty file', '', 'not-a-zip', /empty/],
    ['a web page', '<!DOCTYPE html><title>secret</title>', 'not-a-zip', /web page/],
    ['JSON', '{"detail":"secret"}', 'not-a-zip', /JSON/],
    ['noise', 'secret noise', 'not-a-zip', /other bytes/],
  ])('%s is told apart, without showing its content', async (_, text, code, message) => {
    const error = await inspectBytes(Buffer.from(text)).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ name: 'BackupError', code, retryable: true })
    expect(String(error)).toMatch(message)
    expect(String(error)).not.toContain('secret')
  })

  test('an archive that breaks off anywhere is never taken for a whole one', async () => {
    const zip = buildZip(planTask())
    for (let length = 2; length < zip.length; length += 37) {
      await expect(inspectBytes(zip.subarray(0, length))).rejects.toMatchObject({ code: 'truncated-archive' })
    }
  })

  test('a damaged directory is told', async () => {
    const zip = buildZip(planTask())
    zip.writeUInt32LE(0, zip.readUInt32LE(zip.length - 6))
    await expect(inspectBytes(zip)).rejects.toMatchObject({ code: 'damaged-archive' })
  })

  test('a missing file is a fault of the directory', async () => {
    const path = join(await makeTemporaryFolder(), 'gone.zip')
    await expect(inspectArchive(path, taskBackup)).rejects.toMatchObject({ code: 'directory-missing' })
  })

  test('a flipped bit in any member is found', async () => {
    const zip = buildZip(planTask())
    const directoryStart = zip.readUInt32LE(zip.length - 6)
    for (let at = 0; at < directoryStart; at += 23) {
      const damaged = Buffer.from(zip)
      damaged[at]! ^= 0x10
      const whole = await inspectBytes(damaged).then(
        ({ level }) => level,
        () => 'thrown',
      )
      // A local header's own copies of size, date and CRC are read by nobody: then the content is as it was.
      if (whole === 'complete') expect(isInUnreadHeaderField(zip, at)).toBe(true)
    }
  })
})

describe('backup of a task', () => {
  test.each([
    ['task.json', 'no-task-json'],
    ['annotations.json', 'no-annotations'],
    ['data/manifest.jsonl', 'no-manifest'],
    ['data/picture_1.png', 'media-missing'],
  ])('%s must be there', async (name, code) => {
    const members = without(planTask(), new RegExp(`^${name}$`))
    const { level, problems } = await inspect(members, { ...taskBackup, observation: observe(3) })
    expect(level).toBe('sound')
    expect(problems.map((problem) => problem.code)).toEqual([code])
  })

  test.each([
    ['task.json', 'no-task-json'],
    ['annotations.json', 'no-annotations'],
    ['data/manifest.jsonl', 'no-manifest'],
  ])('%s must be readable', async (name, code) => {
    expect(await codes(withData(planTask(), name, '{"half'))).toEqual([code])
  })

  test('task.json is not parsed beyond its limit', async () => {
    expect(await codes(planTask(), { ...taskBackup, limits: { maxJsonBytes: 10 } })).toEqual(['no-task-json'])
  })

  test('a manifest without line ends does not fill the memory', async () => {
    const members = withData(planTask(), 'data/manifest.jsonl', 'x'.repeat(100_000))
    expect(await codes(members, { ...taskBackup, limits: { maxManifestLineLength: 1000 } })).toEqual(['no-manifest'])
  })

  test('media without bytes do not count', async () => {
    const members = planTask('', { frames: 1 }).map((member) =>
      member.name === 'data/picture_0.png' ? { ...member, data: '' } : member,
    )
    expect(await codes(members)).toEqual(['no-media'])
  })

  test('another number of frames than the server told is a problem', async () => {
    expect(await codes(planTask(), { ...taskBackup, observation: observe(4) })).toEqual(['frames-differ'])
  })

  test('annotations are counted however large the document, parts of skeletons not', async () => {
    const shape = { type: 'skeleton', note: 'a "quoted" {[ string \\', elements: [{ shapes: [{}, {}] }, {}] }
    const jobs = [
      { version: 0, tags: [{}], shapes: Array.from({ length: 2000 }, () => shape), tracks: [{ shapes: [{}, {}] }] },
      { version: 0, tags: [], shapes: [], tracks: [{ elements: [{ tags: [{}] }] }] },
    ]
    const members = withData(planTask(), 'annotations.json', JSON.stringify(jobs, null, 1))
    const { members: found, problems } = await inspect(members)
    expect(problems).toEqual([])
    expect(found.perTask[0]?.annotations).toBe(2003)
  })
})

describe('backup of a project', () => {
  const project = planProject(planTask('task_0/'), planTask('task_2/'))

  test('tasks without data are counted and not in it', async () => {
    const { level, members } = await inspect(project, { ...projectBackup, observation: observe(3, 0, 3) })
    expect(level).toBe('complete')
    expect(members.perTask.map(({ position, taskId }) => [position, taskId])).toEqual([
      [0, 101],
      [2, 103],
    ])
  })

  test('a task that should be in it is missed', async () => {
    const { problems } = await inspect(project, { ...projectBackup, observation: observe(3, 5, 3) })
    expect(problems).toMatchObject([{ code: 'missing-task', taskId: 102 }])
  })

  test('a task that should not be in it is a problem of its own', async () => {
    expect(await codes(project, { ...projectBackup, observation: observe(3) })).toEqual(['unexpected-task'])
    expect(await codes(project, { ...projectBackup, observation: observe(3, 0, 0) })).toEqual(['unexpected-task'])
  })

  test('a task without media is named', async () => {
    const members = without(project, /^task_2\/data\//)
    const { problems } = await inspect(members, { ...projectBackup, observation: observe(3, 0, 3) })
    expect(problems).toMatchObject([{ code: 'no-media', taskId: 103 }])
  })

  test('project.json must be there and readable', async () => {
    expect(await codes(without(project, /^project/), projectBackup)).toEqual(['no-project-json'])
    expect(await codes(withData(project, 'project.json', '[]'), projectBackup)).toEqual(['no-project-json'])
  })

  test('a task of the size of a project is no project', async () => {
    expect(await codes(planTask(), projectBackup)).toContain('no-project-json')
  })

  test('an empty zip is no backup', async () => {
    expect(await codes([], projectBackup)).toEqual(['no-project-json'])
  })
})

describe('annotations', () => {
  const annotations = (format: string): InspectOptions => {
    const content: ArchiveContent = { kind: 'annotations', format, saveImages: false }
    return { entityType: 'project', content }
  }

  test("CVAT's own formats have annotations.xml at the root", async () => {
    const format = annotations('CVAT for images 1.1')
    expect(await codes([{ name: 'annotations.xml', data: '<annotations/>' }], format)).toEqual([])
    expect(await codes([{ name: 'sub/annotations.xml', data: '<annotations/>' }], format)).toEqual(['no-annotations'])
  })

  test('any other format has at least one file', async () => {
    expect(await codes([{ name: 'annotations/instances.json', data: '{}' }], annotations('COCO 1.0'))).toEqual([])
    expect(await codes([{ name: 'annotations/' }], annotations('COCO 1.0'))).toEqual(['no-members'])
  })
})

test('an abort stops the reading', async () => {
  const path = join(await makeTemporaryFolder(), 'archive.zip')
  await writeFile(path, buildZip(planTask()))
  const signal = AbortSignal.abort(new Error('stop now'))
  await expect(inspectArchive(path, { ...taskBackup, signal })).rejects.toThrow('stop now')
})

/** The same file with the rows of its directory in reverse. */
function reverseDirectory(zip: Buffer): Buffer {
  const start = zip.readUInt32LE(zip.length - 6)
  const rows: Buffer[] = []
  for (let at = start; at < zip.length - 22; ) {
    const next = at + 46 + zip.readUInt16LE(at + 28)
    rows.push(zip.subarray(at, next))
    at = next
  }
  return Buffer.concat([zip.subarray(0, start), ...rows.reverse(), zip.subarray(zip.length - 22)])
}

/** Whether the byte lies in bytes 4 to 25 of a local header: version, flags, method, date, CRC and sizes. */
function isInUnreadHeaderField(zip: Buffer, at: number): boolean {
  const header = zip.lastIndexOf('PK\x03\x04', at, 'latin1')
  return at - header >= 4 && at - header < 26
}
