import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readFileName } from '#shared/cvat/file-name.ts'
import { assetDisposition } from '../../simulator/content-disposition.ts'

describe('the name of a picture in its Content-Disposition', () => {
  it.each([
    // Recorded: composed_api.
    ['inline; filename="pic one.png"', 'pic one.png'],
    [`inline; filename="oa.png"; filename*=UTF-8''%C3%B6%C3%A4.png`, 'öä.png'],
    // The odd names of archives/kinds/project_guide_odd_asset_names.zip.
    ['inline; filename="Pic One.PNG"', 'Pic One.PNG'],
    [`inline; filename="we%22ird 'n;ame.png"`, `we%22ird 'n;ame.png`],
    ['inline; filename="sub%20x.png"', 'sub%20x.png'],
    [`inline; filename="Uni.JPG"; filename*=UTF-8''%C3%9Cn%C3%AF.JPG`, 'Ünï.JPG'],
    // What other servers may write.
    ['attachment; filename=plain.png', 'plain.png'],
    ['inline; filename="a\\"b\\\\c.png"', 'a"bc.png'],
    [`inline; filename="x.png"; FileName* = utf-8''%zz`, 'x.png'],
  ])('%s is read as CVAT has it', (header, name) => {
    expect(readFileName(header)).toBe(name)
  })

  it.each([
    ['inline; filename="../../etc/passwd"', 'passwd'],
    [`inline; filename*=UTF-8''..%2F..%2Fa.png`, 'a.png'],
    [`inline; filename*=UTF-8''a%00%0Ab.png`, 'ab.png'],
    ['inline; filename=".."', undefined],
    ['inline; filename=""', undefined],
    [`inline; filename="${'x'.repeat(300)}"`, undefined],
    ['inline', undefined],
    [undefined, undefined],
  ])('%s does no harm', (header, name) => {
    expect(readFileName(header)).toBe(name)
  })

  it('comes through whatever the name is, if an upload can have it', () => {
    const name = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 30 })
      .map((text) => text.replaceAll(/[\p{Cc}/\\]/gu, '_'))
      .filter((text) => text !== '.' && text !== '..')
    fc.assert(
      fc.property(name, (text) => {
        expect(readFileName(assetDisposition(text))).toBe(text)
      }),
    )
  })
})
