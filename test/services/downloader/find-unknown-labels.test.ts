import { expect, test } from 'vitest'
import { findUnknownLabels } from '#services/downloader/find-unknown-labels.ts'
import { openZipSource } from '#shared/composition/source-archive.ts'
import { fixture } from '../../shared/composition/composed-files.ts'

interface Label {
  name: string
  attributes: { name: string }[]
  sublabels: Label[]
}

const { signal } = new AbortController()

/** Of a real CVAT's project, with attributes and a skeleton. */
async function readLabels(): Promise<Label[]> {
  const { archivePath } = await fixture('kinds/composed_project_cvats_own.zip')
  await using source = await openZipSource(archivePath)
  const text = await source.readText((await source.find('project.json'))!, 1e6)
  return (JSON.parse(text!) as { labels: Label[] }).labels
}

test('a task’s archive of a real CVAT has the labels of its project, and no others', async () => {
  const labels = await readLabels()
  for (const name of ['composed_task_0', 'composed_task_1', 'composed_task_2', 'composed_task_3_video']) {
    const { archivePath } = await fixture(`kinds/${name}.zip`)
    expect(await findUnknownLabels(archivePath, labels, signal)).toEqual([])
    expect(await findUnknownLabels(archivePath, [...labels, { name: 'new' }], signal)).toEqual([])
  }
})

test('a label, an attribute and a point of a skeleton that the project does not have are named', async () => {
  const labels = await readLabels()
  const car = labels.find(({ name }) => name === 'car')!
  const pose = labels.find(({ sublabels }) => sublabels.length > 0)!
  const [gone] = pose.sublabels.splice(0, 1)
  car.attributes.find(({ name }) => name === 'colour')!.name = 'color'
  const scene = labels.findIndex(({ name }) => name === 'scene')
  labels.splice(scene, 1)
  const { archivePath } = await fixture('kinds/composed_task_0.zip')
  const unknown = await findUnknownLabels(archivePath, labels, signal)
  expect(unknown).toEqual(expect.arrayContaining(['car: colour', 'scene', `${pose.name}/${gone!.name}`]))
  expect(unknown).not.toContain('car')
})
