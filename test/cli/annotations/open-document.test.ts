import { describe, expect, it } from 'vitest'
import { openDocument } from '../../../cli/annotations/open-document.ts'
import { storeFile } from '../../shared/store/store-file.ts'
import { openTestStore, project6 } from '../../shared/store/store-fixture.ts'

const content = { kind: 'annotations', format: 'CVAT for images 1.1', saveImages: false } as const
const signal = new AbortController().signal

describe('the document of a real export', () => {
  it('can be read from anywhere to anywhere, and is the same each time', async () => {
    const store = await openTestStore()
    const archive = await storeFile(store, {
      entity: project6,
      bytes: 'project_annotations_cvat_for_images.zip',
      content,
      observation: { name: 'alpha', organization: null, updatedDate: '2026-11-22T20:31:45.123456Z', tasks: [] },
    })
    const names: string[] = []
    const document = await openDocument(
      { archive, format: content.format, taskId: 1 },
      { openNames: () => () => undefined, onImage: ({ name }) => void names.push(name) },
      signal,
    )
    expect(names).toEqual(['img_0.jpg', 'img_1.jpg', 'img_2.jpg', 'img_3.jpg'])
    expect(document.labels).toEqual(
      new Map([
        ['car', new Set()],
        ['Fußgänger', new Set()],
      ]),
    )
    const read = async (start: number, end: number) =>
      Buffer.concat(await Array.fromAsync(document.stream({ start, end })))
    const whole = await read(0, document.sizeBytes)
    expect(whole.length).toBe(document.sizeBytes)
    expect(whole.toString()).toMatch(/^<\?xml[\s\S]*<\/annotations>\s*$/)
    for (const [start, end] of [
      [0, 1],
      [1000, 2001],
      [document.sizeBytes - 7, document.sizeBytes],
      [500, 500],
    ] as const) {
      expect((await read(start, end)).equals(whole.subarray(start, end))).toBe(true)
    }
  })

  it('may be left in the middle', async () => {
    const store = await openTestStore()
    const archive = await storeFile(store, {
      entity: project6,
      bytes: 'project_annotations_cvat_for_images.zip',
      content,
      observation: { name: 'alpha', organization: null, updatedDate: '2026-11-22T20:31:45.123456Z', tasks: [] },
    })
    const found = { archive, format: content.format, taskId: 1 }
    const document = await openDocument(found, { openNames: () => () => undefined, onImage: () => {} }, signal)
    for await (const chunk of document.stream({ start: 0, end: document.sizeBytes })) {
      expect(chunk.length).toBeGreaterThan(0)
      break
    }
  })
})
