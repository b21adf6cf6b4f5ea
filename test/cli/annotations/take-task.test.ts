import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openFrameMatcher } from '../../../cli/annotations/match-frames.ts'
import { readAttribute, writeAttribute } from '../../../cli/annotations/scan-xml.ts'
import { type DocumentImage, openTaskPart } from '../../../cli/annotations/take-task.ts'

const head =
  '<?xml version="1.0" encoding="utf-8"?>\n<!-- a > b --><annotations>\n  <meta><task><name>a &lt; b</name></task></meta>\n'
const first =
  '  <image id="0" name="a &amp; &quot;b&quot;.jpg" task_id="1" width="4"><box label="car > truck" xtl="1"><attribute name="colour">red</attribute></box><tag label="blur"/></image>\n'
const second =
  '  <image id=\'1\' name=\'ö.jpg\' task_id=\'2\'><skeleton label="pose"><points label="head"><attribute name="x">1</attribute></points></skeleton></image>\n'
const empty = '  <image id="2" name="c.jpg" task_id="1"/>\n'
const tail = '</annotations>\n'
const document = `${head}${first}${second}${empty}${tail}`

function take(text: string, taskId: number | undefined, cuts: readonly number[] = []) {
  const images: DocumentImage[] = []
  const out: string[] = []
  const part = openTaskPart(taskId, {
    onImage: (image) => void images.push(image),
    onText: (one) => void out.push(one),
  })
  const bytes = Buffer.from(text)
  const at = [0, ...[...cuts].map((cut) => cut % bytes.length).sort((a, b) => a - b), bytes.length]
  for (let i = 1; i < at.length; i++) part.push(bytes.subarray(at[i - 1], at[i]))
  part.end()
  return { seen: images, text: out.join(''), ...part.summary() }
}

describe('the part of one task', () => {
  it('is the whole document where that is of the task itself', () => {
    const part = take(document, undefined)
    expect(part.text).toBe(document)
    expect(part.seen.map(({ name, tags, shapes }) => [name, tags, shapes])).toEqual([
      ['a & "b".jpg', 1, 1],
      ['ö.jpg', 0, 1],
      ['c.jpg', 0, 0],
    ])
    expect(part.labels).toEqual(
      new Map([
        ['car > truck', new Set(['colour'])],
        ['blur', new Set()],
        ['pose', new Set()],
      ]),
    )
  })

  it("is its own images in a project's document, and all around them", () => {
    expect(take(document, 1).text).toBe(`${head}${first}  \n${empty}${tail}`)
    expect(take(document, 2).seen.map(({ name }) => name)).toEqual(['ö.jpg'])
    expect(take(document, 3).seen).toEqual([])
  })

  it('is the same wherever the document is cut into chunks', () => {
    const whole = take(document, 1)
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 20 }), (cuts) => {
        expect(take(document, 1, cuts)).toEqual(whole)
      }),
    )
  })

  it.each([document.slice(0, -20), `${head}${first.slice(0, 60)}`, `${head}<image id="0" name="a" task_id="1"><box`])(
    'is refused where the document ends in the middle: %#',
    (text) => {
      expect(() => take(text, 1)).toThrow()
    },
  )

  it("is refused where a project's document does not say whose an image or track is", () => {
    expect(() => take('<annotations><image id="0" name="a"></image></annotations>', 1)).toThrow(/which task/)
    expect(() => take('<annotations><track id="0" label="car"></track></annotations>', 1)).toThrow(/which task/)
  })
})

it('writes an attribute so that it is read again', () => {
  fc.assert(
    fc.property(fc.string(), (name) => {
      expect(readAttribute(writeAttribute('<image id="0" name="a" width="3">', 'name', name), 'name')).toBe(name)
    }),
  )
})

describe('an image is the frame', () => {
  const match = (
    frames: string[],
    images: string[],
    isProjects = false,
    count = frames.length,
    step = { start: 0, step: 1 },
  ) => {
    const matcher = openFrameMatcher({ names: frames, count, ...step }, isProjects)
    return images.map((name) => matcher.match({ name }))
  }

  it('of its name, and nothing else', () => {
    expect(match(['a.jpg', 'b.jpg'], ['b.jpg', 'c.jpg', 'b.png'])).toEqual([
      { frame: 1, name: undefined },
      undefined,
      undefined,
    ])
  })

  it('of no frame where CVAT could not tell two apart', () => {
    expect(match(['a.jpg', 'a.png'], ['a.jpg'])).toEqual([undefined])
  })

  it("of the name that it had before a project's export numbered it", () => {
    expect(match(['a.jpg', 'b.jpg'], ['a_1.jpg', 'b_12.jpg'], true)).toEqual([
      { frame: 0, name: 'a.jpg' },
      { frame: 1, name: 'b.jpg' },
    ])
    expect(match(['a.jpg'], ['a_1.jpg'], false)).toEqual([undefined])
  })

  it('of none where the number may belong to the name, or the order is another one', () => {
    expect(match(['a.jpg', 'a_1.jpg'], ['a_1.jpg'], true)).toEqual([undefined])
    expect(match(['a.jpg', 'b.jpg'], ['b_1.jpg', 'a_1.jpg'], true)).toEqual([{ frame: 1, name: 'b.jpg' }, undefined])
  })

  it('of its number in a video', () => {
    expect(match(['v.mp4'], ['frame_000002', 'frame_000003', 'v.mp4'], false, 3)).toEqual([
      { frame: 2, name: undefined },
      undefined,
      undefined,
    ])
  })

  it('of its number in a video of which the task has every so many frames', () => {
    const step = { start: 3, step: 2 }
    const names = ['frame_000003', 'frame_000015', 'frame_000004', 'frame_000001', 'frame_000017']
    expect(match(['v.mp4'], names, false, 7, step).map((found) => found?.frame)).toEqual([
      0,
      6,
      undefined,
      undefined,
      undefined,
    ])
  })

  it("of the number that it had in a video before a project's export told it from another", () => {
    expect(match(['v.mp4'], ['frame_000001', 'frame_000002_1'], true, 3)).toEqual([
      { frame: 1, name: undefined },
      { frame: 2, name: 'frame_000002' },
    ])
  })
})
