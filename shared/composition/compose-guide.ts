// A guide's text and the names of its pictures as they are in an archive. Pure; measured on CVAT 2.64.1.

/** A picture of the guide and its name in the archive. */
export interface NamedAsset {
  readonly uuid: string
  readonly fileName: string
}

const REFERENCE = /\/api\/assets\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/g

/** The pictures that the text names, in the order in which it first does: nothing else lists them. */
export function listAssetReferences(markdown: string): string[] {
  return [...new Set(Array.from(markdown.matchAll(REFERENCE), ([, uuid]) => uuid!))]
}

/**
 * Gives each picture a name of its own. Of two of one name the later one gets another: CVAT itself would write two members
 * of one name and the same reference twice, from which a restore makes one picture of both.
 */
export function createAssetNamer(): (wanted: string) => string {
  const taken = new Set<string>()
  return (wanted) => {
    const dot = wanted.lastIndexOf('.')
    const at = dot > 0 ? dot : wanted.length
    for (let number = 1; ; number++) {
      const name = number === 1 ? wanted : `${wanted.slice(0, at)}-${number}${wanted.slice(at)}`
      if (taken.has(name)) continue
      taken.add(name)
      return name
    }
  }
}

/** The text as it is in an archive. References to pictures that are not among these stay as they are, as CVAT leaves them. */
export function composeGuide(markdown: string, assets: readonly NamedAsset[]): string {
  const names = new Map(assets.map(({ uuid, fileName }) => [uuid, fileName]))
  return markdown.replaceAll(REFERENCE, (text, uuid: string) => {
    const name = names.get(uuid)
    return name === undefined ? text : `assets/${name}`
  })
}
