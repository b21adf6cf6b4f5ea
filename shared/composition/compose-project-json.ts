// project.json as CVAT 2.64.1 writes it, byte for byte, made of what the API tells. Pure; measured on a project with all
// kinds of labels. Where a label was changed after it was made, CVAT writes labels in the order in which its database
// happens to keep them; here they stay in the order of their ids. A restore does not care.

import type { LabelDescription, ProjectDescription } from '#shared/cvat/description-calls.ts'

const LABEL_KEYS = new Set(['name', 'color', 'attributes', 'type', 'sublabels', 'svg'])
const ATTRIBUTE_KEYS = new Set(['name', 'mutable', 'input_type', 'default_value', 'values'])

/** @param labels by id, without the parts of skeletons, which are in their skeleton */
export function composeProjectJson(
  project: Pick<ProjectDescription, 'name' | 'bug_tracker' | 'status'>,
  labels: readonly LabelDescription[],
): string {
  const { name, bug_tracker, status } = project
  return writeJson({ name, bug_tracker, status, labels: labels.map(describeLabel), version: '1.0' })
}

/** Keys in the order of the answer, which is that of the archive. */
function describeLabel(label: LabelDescription): object {
  const sublabels = label.sublabels?.map((sublabel) => pickLabel(sublabel))
  const svg = label.svg === undefined ? undefined : nameLabels(label.svg, label.sublabels ?? [])
  return { ...pickLabel(label), ...(sublabels && { sublabels }), ...(svg !== undefined && { svg }) }
}

function pickLabel(label: { readonly attributes: readonly object[] }): object {
  return { ...pick(label, LABEL_KEYS), attributes: label.attributes.map((one) => pick(one, ATTRIBUTE_KEYS)) }
}

function pick(from: object, keys: ReadonlySet<string>): object {
  return Object.fromEntries(Object.entries(from).filter(([key]) => keys.has(key)))
}

/** The drawing of a skeleton names its points by id in the API, by name in archives. */
function nameLabels(svg: string, sublabels: readonly { readonly id: number; readonly name: string }[]): string {
  const names = new Map(sublabels.map(({ id, name }) => [String(id), name]))
  return svg.replaceAll(/data-label-id="(\d+)"/g, (text, id: string) => {
    const name = names.get(id)
    return name === undefined ? text : `data-label-name="${name}"`
  })
}

/** Compact, nothing escaped but what JSON asks for and two separators of lines, as Django's writer does. */
function writeJson(value: object): string {
  return JSON.stringify(value).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')
}
