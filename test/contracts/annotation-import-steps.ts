// What has to be true before the recordings of annotation imports (r_*) can be replayed: the organization, its tasks, the files.

import { buildZip } from '../shared/store/build-zip.ts'
import { createUpload, formWith, send, sendBytes } from '../simulator/restore/upload-client.ts'
import type { Simulator } from '../simulator/simulator.ts'
import type { Override, Step } from './preparations.ts'

const format = 'CVAT 1.1'
const taskRoot = (id: number) => `/api/tasks/${id}/annotations`
const jobRoot = '/api/jobs/263/annotations'
const projectRoot = (id: number) => `/api/projects/${id}/dataset`

/** Files as they were sent, by what was wrong with them. The recorded ones are lost: these are of the same kind. */
const files = {
  right: zipOf(
    document([
      ['img_0.jpg', 'car'],
      ['img_1.jpg', 'car'],
      ['img_2.jpg', 'car'],
    ]),
  ),
  xml: Buffer.from(document([['img_0.jpg', 'car']])),
  empty: zipOf(document([])),
  otherNames: zipOf(
    document([
      ['x0.png', 'car'],
      ['x1.png', 'car'],
    ]),
  ),
  oneOtherName: zipOf(
    document([
      ['img_0.jpg', 'car'],
      ['x1.png', 'car'],
    ]),
  ),
  forFourFrames: zipOf(
    document([
      ['r0.png', 'car'],
      ['r1.png', 'car'],
      ['r2.png', 'car'],
      ['r3.png', 'car'],
    ]),
  ),
  unknownLabel: zipOf(document([['img_0.jpg', 'lorry']])),
  unknownAttribute: zipOf(document([['img_0.jpg', 'car']], '<attribute name="nosuch">1</attribute>')),
  video: zipOf(`<annotations><track label="car">
    <box frame="0" xtl="1" ytl="1" xbr="5" ybr="5" outside="0" keyframe="1"></box></track></annotations>`),
  notZip: Buffer.from('this is neither a zip nor XML'),
  withoutXml: buildZip([{ name: 'readme.txt', data: 'nothing here' }]),
  dataset: buildZip([
    { name: 'annotations.xml', data: document([['img_0.jpg', 'car']]) },
    { name: 'images/img_0.jpg', data: 'picture' },
  ]),
}
const truncated = files.right.subarray(0, files.right.length - 60)

export function annotationImportSteps(): Record<string, Step> {
  return {
    ...multipart('r_1_import_multipart', 'r_1b_request', taskRoot(197), files.right),
    ...multipart('r_2_import_xml', 'r_2b_request', taskRoot(197), files.xml),
    ...tus(['r_3a_tus_start', 'r_3b_tus_create', 'r_3c_tus_patch', 'r_3d_tus_finish', 'r_3e_request'], taskRoot(197), {
      length: 5802,
      file: files.right,
    }),
    r_4_import: sending(taskRoot(197), files.right),
    r_4b_import_while_running: {
      prepare: async (simulator) => {
        simulator.imports.pause()
        await post(simulator, taskRoot(197), files.right)
        return formOf(taskRoot(197), files.right, simulator)
      },
    },
    ...multipart('r_5_all_frames_unknown', 'r_5_all_frames_unknown_request', taskRoot(197), files.otherNames),
    ...multipart('r_5_attr_unknown', 'r_5_attr_unknown_request', taskRoot(197), files.unknownAttribute),
    ...multipart('r_5_empty_doc', 'r_5_empty_doc_request', taskRoot(197), files.empty),
    r_5_export_name: sending(taskRoot(197), files.right),
    ...multipart('r_5_frame_name_unknown', 'r_5_frame_name_unknown_request', taskRoot(197), files.oneOtherName),
    ...multipart(
      'r_5_ids_beyond',
      'r_5_ids_beyond_request',
      taskRoot(197),
      zipOf(document([['img_0.jpg', 'car']], '', 90)),
    ),
    ...multipart('r_5_label_unknown', 'r_5_label_unknown_request', taskRoot(197), files.unknownLabel),
    ...multipart('r_5_not_zip', 'r_5_not_zip_request', taskRoot(197), files.notZip),
    ...multipart('r_5_truncated_zip', 'r_5_truncated_zip_request', taskRoot(197), truncated),
    r_5_unknown_format: sending(taskRoot(197), files.right),
    ...multipart('r_5_zip_without_xml', 'r_5_zip_without_xml_request', taskRoot(197), files.withoutXml),
    ...multipart('r_6_other_task', 'r_6b_request', taskRoot(198), files.forFourFrames),
    ...multipart('r_7_job_import', 'r_7b_request', jobRoot, files.right),
    ...multipart('r_8_project_dataset_multipart', 'r_8b_request', projectRoot(37), files.dataset),
    r_8c_project_dataset_slash: sending(projectRoot(37), files.dataset),
    ...multipart('r_8d_project_annotations_only', 'r_8e_request', projectRoot(38), files.right),
    ...tus(
      ['r_8f_tus_start', 'r_8g_tus_create', 'r_8h_tus_patch', 'r_8i_tus_finish', 'r_8j_request'],
      projectRoot(38),
      {
        length: 5889,
        file: files.dataset,
      },
    ),
    ...multipart('r_9_import_cvat_video_format', 'r_9b_request', taskRoot(202), files.video),
    ...multipart('r_10_other_task_same_count', 'r_10b_request', taskRoot(206), files.right),
  }
}

function multipart(call: string, request: string, root: string, file: Buffer): Record<string, Step> {
  return {
    [call]: sending(root, file),
    [request]: {
      prepare: async (simulator) => {
        await post(simulator, root, file)
        await simulator.imports.whenIdle()
        return login(simulator)
      },
    },
  }
}

function sending(root: string, file: Buffer): Step {
  return {
    prepare: (simulator) => {
      addLab(simulator)
      return formOf(root, file, simulator)
    },
  }
}

/** The five calls of an upload; the recorded lengths are kept by filling up with zeros, which no zip reader minds. */
function tus(
  names: readonly string[],
  root: string,
  { length, file }: { length: number; file: Buffer },
): Record<string, Step> {
  const [start = '', create = '', patch = '', finish = '', request = ''] = names
  const query = `?format=${encodeURIComponent(format)}`
  const begin = async (simulator: Simulator, bytes: Buffer) => {
    const headers = login(simulator, true).headers
    const { path, name } = await createUpload(simulator, `${root}/`, bytes.length, headers)
    return { path, name, headers }
  }
  const onlyLogin: Step = { prepare: (simulator) => login(simulator, true) }
  return {
    [start]: onlyLogin,
    [create]: onlyLogin,
    [patch]: {
      prepare: async (simulator) => {
        const { path, headers } = await begin(simulator, Buffer.alloc(length))
        return { target: path, headers, body: Buffer.alloc(length) }
      },
    },
    [finish]: {
      prepare: async (simulator) => {
        const { path, name, headers } = await begin(simulator, file)
        await sendBytes(simulator, path, 0, file, headers)
        return { target: `${root}${query}&filename=${name}`, headers }
      },
    },
    [request]: {
      prepare: async (simulator) => {
        await post(simulator, root, file)
        await simulator.imports.whenIdle()
        return login(simulator)
      },
    },
  }
}

async function post(simulator: Simulator, root: string, file: Buffer): Promise<void> {
  addLab(simulator)
  const { body, headers } = formOf(root, file, simulator)
  await send(simulator, 'POST', `${root}?format=${encodeURIComponent(format)}`, body ?? Buffer.alloc(0), headers)
}

function formOf(root: string, file: Buffer, simulator: Simulator): Override {
  const form = formWith(root.includes('dataset') ? 'dataset_file' : 'annotation_file', 'file.zip', file)
  return { body: form.body, headers: { ...form.headers, ...login(simulator).headers } }
}

function login(simulator: Simulator, isFirst = false): { headers: Record<string, string> } {
  if (isFirst) addLab(simulator)
  const { world } = simulator
  return { headers: { Authorization: `Token ${world.login(world.user(1))}`, 'X-Organization': 'lab' } }
}

/** What the recordings name: tasks 197 (three frames), 198 (two), 202, 206, job 263, projects 37 and 38. */
function addLab({ world }: Simulator): void {
  if (world.findOrganization('lab')) return
  world.addOrganization({ slug: 'lab' })
  world.addProject({ id: 37, name: 'p37', organization: 'lab' })
  world.addProject({ id: 38, name: 'p38', organization: 'lab' })
  const addTask = (id: number, frames: number) =>
    world.addTask({ id, projectId: null, name: `task ${id}`, organization: 'lab', frames, shapesPerFrame: 0 })
  // Jobs up to 262 are another task's.
  const jobs = 262 - Math.max(...world.jobs.keys())
  world.addTask({ id: 196, projectId: null, name: 'many jobs', frames: jobs, jobs })
  addTask(197, 3)
  addTask(198, 2)
  addTask(202, 3)
  addTask(206, 3)
}

/** A "CVAT for images" document with one box a picture. */
function document(images: readonly (readonly [name: string, label: string])[], inside = '', firstId = 0): string {
  const body = images.map(
    ([name, label], index) =>
      `<image id="${firstId + index}" name="${name}" width="9" height="9">` +
      `<box label="${label}" xtl="1" ytl="1" xbr="5" ybr="5" occluded="0" z_order="0">${inside}</box></image>`,
  )
  return `<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version>${body.join('\n')}</annotations>\n`
}

function zipOf(text: string): Buffer {
  return buildZip([{ name: 'annotations.xml', data: text }])
}
