import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { composeGuide, createAssetNamer, listAssetReferences } from '#shared/composition/compose-guide.ts'
import { composeProjectJson } from '#shared/composition/compose-project-json.ts'
import type { LabelDescription, ProjectDescription } from '#shared/cvat/description-calls.ts'
import { composedAnswer } from '../../support/serve-composed-api.ts'
import { fixtures, readTextMember } from './composed-files.ts'

const cvatsOwn = join(fixtures, 'kinds/composed_project_cvats_own.zip')

describe('project.json', () => {
  test('made of the API’s answers is CVAT’s own, byte for byte', async () => {
    const project = composedAnswer('project.json') as ProjectDescription
    const { results } = composedAnswer('labels.json') as { results: LabelDescription[] }
    expect(composeProjectJson(project, results)).toBe(await readTextMember(cvatsOwn, 'project.json'))
  })

  test('names the points of a skeleton’s drawing once each, whatever they are called', () => {
    const sublabels = [
      { id: 5, name: 'data-label-id="6" $&', attributes: [] },
      { id: 6, name: '人', attributes: [] },
    ]
    const svg = '<circle data-label-id="5"/><circle data-label-id="6"/><circle data-label-id="7"/>'
    const json = composeProjectJson({ name: 'p', bug_tracker: '', status: 'annotation' }, [
      { name: 'pose', attributes: [], sublabels, svg, id: 4, parent_id: null },
    ])
    expect(JSON.parse(json).labels).toEqual([
      {
        name: 'pose',
        attributes: [],
        sublabels: sublabels.map(({ name }) => ({ name, attributes: [] })),
        svg: '<circle data-label-name="data-label-id="6" $&"/><circle data-label-name="人"/><circle data-label-id="7"/>',
      },
    ])
  })

  test('escapes what Django’s writer escapes and nothing else', () => {
    const name = 'a"\\/\u2028\u2029\u007f\u0001é😀'
    const json = composeProjectJson({ name, bug_tracker: '', status: 'completed' }, [])
    const written = '"a\\"\\\\/\\u2028\\u2029\u007f\\u0001é😀"'
    expect(json).toBe(`{"name":${written},"bug_tracker":"","status":"completed","labels":[],"version":"1.0"}`)
  })
})

describe('a guide', () => {
  const [a, b] = ['261520fa-3d32-451b-8d25-ccc1c2d9ea50', 'e105e725-1984-47c9-8845-961997b89dfb']

  test('made of the API’s answer is CVAT’s own, byte for byte', async () => {
    const { markdown } = composedAnswer('guide.json') as { markdown: string }
    expect(listAssetReferences(markdown)).toEqual([a, b])
    const assets = [
      { uuid: a, fileName: 'pic one.png' },
      { uuid: b, fileName: 'öä.png' },
    ]
    expect(composeGuide(markdown, assets)).toBe(await readTextMember(cvatsOwn, 'annotation_guide.md'))
  })

  test('keeps what only looks like a reference, and references to pictures that are not there', () => {
    const text = `/api/assets/${a.toUpperCase()} /api/assets/1234 (/api/assets/${b})`
    expect(listAssetReferences(text)).toEqual([b])
    expect(composeGuide(text, [])).toBe(text)
  })

  test('gives each picture a name of its own', () => {
    const choose = createAssetNamer()
    const wanted = ['pic.png', 'pic-2.png', 'pic.png', 'pic.png', '.hidden', '.hidden', 'none', 'none']
    expect(wanted.map(choose)).toEqual([
      ...['pic.png', 'pic-2.png', 'pic-3.png', 'pic-4.png'],
      ...['.hidden', '.hidden-2', 'none', 'none-2'],
    ])
  })
})

test('the fixtures hold the odd names of a real CVAT’s guide, told as its headers tell them', async () => {
  const head = await readFile(join(fixtures, '../composed-api/asset_e105e725-1984-47c9-8845-961997b89dfb.head'), 'utf8')
  expect(head).toContain(`filename*=UTF-8''%C3%B6%C3%A4.png`)
})
