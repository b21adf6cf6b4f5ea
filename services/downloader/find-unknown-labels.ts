// Which labels of a task's archive its project does not have: CVAT restores no task that uses such a label (a KeyError).

import { z } from 'zod'
import { openSourceArchive } from '#shared/composition/open-source-archive.ts'
import { defaultZipLimits } from '#shared/store/zip-limits.ts'

interface NamedLabel {
  readonly name: string
  readonly attributes?: readonly { readonly name: string }[] | undefined
  readonly sublabels?: readonly NamedLabel[] | undefined
}

const labelSchema: z.ZodType<NamedLabel> = z.lazy(() =>
  z.looseObject({
    name: z.string(),
    attributes: z.array(z.looseObject({ name: z.string() })).optional(),
    sublabels: z.array(labelSchema).optional(),
  }),
)
const taskJsonSchema = z.looseObject({ labels: z.array(labelSchema) })

/**
 * Labels, the points of skeletons and attributes, by name: CVAT finds them by nothing else. Reads one small member. Empty, too,
 * for an archive that tells no labels.
 *
 * @throws BackupError as openSourceArchive
 */
export async function findUnknownLabels(
  archivePath: string,
  ofProject: readonly NamedLabel[],
  signal: AbortSignal,
): Promise<string[]> {
  await using source = await openSourceArchive(archivePath, { signal })
  const member = await source.find('task.json')
  const text = member && (await source.readText(member, defaultZipLimits.maxJsonBytes))
  const known = new Set(listNames(ofProject))
  return listNames(readLabels(text)).filter((name) => !known.has(name))
}

function readLabels(text: string | undefined): readonly NamedLabel[] {
  if (text === undefined) return []
  try {
    return taskJsonSchema.safeParse(JSON.parse(text)).data?.labels ?? []
  } catch {
    return []
  }
}

/** `car`, `car: colour` for its attribute, `pose/head` for a point of a skeleton. */
function listNames(labels: readonly NamedLabel[], above = ''): string[] {
  return labels.flatMap((label) => {
    const name = `${above}${label.name}`
    const attributes = (label.attributes ?? []).map((attribute) => `${name}: ${attribute.name}`)
    return [name, ...attributes, ...listNames(label.sublabels ?? [], `${name}/`)]
  })
}
