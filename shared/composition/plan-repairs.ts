// What keeps CVAT from restoring an archive, or makes it lose something in silence, and what of it can be mended while the
// archive is uploaded. Pure, over what one folder's members say; all cases were measured on CVAT 2.64.1.

import { warnAboutData, warnAboutLabels } from '#shared/store/restore-warnings.ts'
import type { MemberEdit } from './composition-plan.ts'

/** What has to be known of one folder of an archive: `''` or `task_N/`. */
export interface FolderTexts {
  readonly folder: string
  /** The text of task.json, or of project.json at the root of a project's archive; undefined if absent or too large. */
  readonly json: string | undefined
  readonly jsonName: string
  /** The text of annotation_guide.md. */
  readonly guide: string | undefined
  /** Guide assets in the order of the archive. */
  readonly assets: readonly { readonly name: string; readonly crc32: number; readonly sizeBytes: number }[]
}

export interface Obstacle {
  /** As the warning in the record. */
  readonly code: 'needs-no-static-cache' | 'media-claimed-on-share' | 'label-name-collides' | 'duplicate-member'
  readonly folder: string
  readonly message: string
  /** What can be done about it while uploading; absent where nothing can. */
  readonly repair: Repair | undefined
}

export interface Repair {
  /** What is changed, as the end of «restoring it with». */
  readonly what: string
  /** `certain`: nothing else than the obstacle changes. `guess`: better than without, but to be looked at afterwards. */
  readonly confidence: 'certain' | 'guess'
  readonly edits: readonly MemberEdit[]
}

export function planRepairs(texts: FolderTexts): Obstacle[] {
  const json = parse(texts.json)
  const { folder } = texts
  return [
    ...mendData(texts, json),
    ...warnAboutLabels(json?.labels).map(
      // Its annotations name the label too, and all of them would have to be written anew.
      ({ message }): Obstacle => ({ code: 'label-name-collides', folder, message, repair: undefined }),
    ),
    ...mendAssets(texts),
  ]
}

/** What takes the place of a field's value, by the code of the obstacle that it is. */
const fields = {
  'needs-no-static-cache': { key: 'storage_method', from: 'file_system', to: 'cache', confidence: 'certain' },
  'media-claimed-on-share': { key: 'storage', from: 'share', to: 'local', confidence: 'guess' },
} as const

/**
 * Values of single fields. In the text, not by writing the parsed object: nothing else in it may change, numbers such as
 * 1.0 included.
 */
function mendData(
  { json = '', jsonName, folder }: FolderTexts,
  parsed: Record<string, unknown> | undefined,
): Obstacle[] {
  let text = json
  const obstacles = warnAboutData(parsed?.data).map(({ code, message }): Obstacle => {
    const known = code as keyof typeof fields
    const { key, from, to, confidence } = fields[known]
    const mended = replaceField(text, key, from, to)
    if (mended === undefined) return { code: known, folder, message, repair: undefined }
    text = mended
    const what = `"${key}" changed from "${from}" to "${to}"`
    return { code: known, folder, message, repair: { what, confidence, edits: [] } }
  })
  // The text can be changed only once: the first that can be mended carries all.
  const carrier = obstacles.find(({ repair }) => repair)
  const edits = [{ name: folder + jsonName, text }]
  return obstacles.map((one) => (one === carrier ? { ...one, repair: { ...one.repair!, edits } } : one))
}

/** Undefined where more than this one field of `data` would change. */
function replaceField(json: string, key: string, from: string, to: string): string | undefined {
  // No string of JSON can hold this: quotes inside strings are escaped.
  const pattern = new RegExp(`(?<!\\\\)("${key}"\\s*:\\s*)"${from}"`, 'g')
  const text = json.replaceAll(pattern, `$1"${to}"`)
  const before = parse(json)
  const wanted = { ...before, data: { ...(before?.data as object), [key]: to } }
  return JSON.stringify(parse(text)) === JSON.stringify(wanted) ? text : undefined
}

/**
 * Two guide assets of one file name: CVAT writes the same reference for both, and a restore shows the second picture
 * twice. Each gets a name of its own. Which reference meant which is nowhere in the archive: where there are as many
 * references as pictures they are taken in order. Whatever the order was, no picture is lost.
 */
function mendAssets({ assets, guide, folder }: FolderTexts): Obstacle[] {
  const obstacles: Obstacle[] = []
  let text = guide
  const edits: MemberEdit[] = []
  const taken = new Set(assets.map(({ name }) => name))
  let allMended = true
  for (const [name, group] of Map.groupBy(assets, (asset) => asset.name)) {
    const contents = new Set(group.map(({ crc32, sizeBytes }) => `${crc32}:${sizeBytes}`))
    if (contents.size < 2) continue
    const message = `The guide has ${group.length} pictures of one file name: both references show the last of them`
    obstacles.push({
      code: 'duplicate-member',
      folder,
      message: `${message} (${JSON.stringify(name)})`,
      repair: undefined,
    })
    const names = group.map((_, index) => (index === 0 ? name : chooseName(name, taken)))
    const mended = text === undefined ? undefined : renameReferences(text, name.slice(folder.length), names, folder)
    if (mended === undefined) {
      allMended = false
      continue
    }
    text = mended
    for (const [occurrence, newName] of names.entries()) {
      if (occurrence > 0) edits.push({ name, occurrence, fileName: newName.slice(newName.lastIndexOf('/') + 1) })
    }
  }
  if (edits.length === 0 || text === undefined) return obstacles
  edits.push({ name: `${folder}annotation_guide.md`, text })
  const repair: Repair = {
    what: `pictures of the guide renamed${allMended ? '' : ' where each has a reference'}; see whether they stand in the right places`,
    confidence: 'guess',
    edits,
  }
  // The text of the guide can be changed only once: the first of them carries all.
  return obstacles.map((obstacle, index) => (index === 0 ? { ...obstacle, repair } : obstacle))
}

/** Undefined where there are not as many references as pictures. */
function renameReferences(
  text: string,
  reference: string,
  names: readonly string[],
  folder: string,
): string | undefined {
  const parts = text.split(`(${reference})`)
  if (parts.length !== names.length + 1) return undefined
  return parts.reduce((joined, part, index) => `${joined}(${names[index - 1]!.slice(folder.length)})${part}`)
}

/** `assets/pic.png` becomes `assets/pic-2.png`, or with the next number that is free. */
function chooseName(name: string, taken: Set<string>): string {
  const dot = name.lastIndexOf('.')
  const at = dot > name.lastIndexOf('/') ? dot : name.length
  for (let number = 2; ; number++) {
    const chosen = `${name.slice(0, at)}-${number}${name.slice(at)}`
    if (taken.has(chosen)) continue
    taken.add(chosen)
    return chosen
  }
}

function parse(text: string | undefined): Record<string, unknown> | undefined {
  if (text === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
