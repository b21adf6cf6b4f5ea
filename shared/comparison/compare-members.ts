// Which files were added, removed and changed between two folders of archives, by their names and CRCs: sixteen bytes a
// member, and the names of the first few that differ.

import type { SourceMember } from '#shared/composition/source-archive.ts'
import { collectDigests, type DigestMultiset, digest, type Surplus } from './digest-multiset.ts'

export interface MemberChanges {
  readonly added: number
  readonly removed: number
  readonly changed: number
  /** The first few of each, without the folder. */
  readonly examples: {
    readonly added: readonly string[]
    readonly removed: readonly string[]
    readonly changed: readonly string[]
  }
}

/** A member and its name without its task's folder. */
export interface NamedMember {
  readonly path: string
  readonly member: Pick<SourceMember, 'crc32' | 'sizeBytes'>
}

const MAX_EXAMPLES = 20

/**
 * Undefined when nothing differs. Both are called twice. A member that is there twice with one content,
 * as pictures are that honeypots show again, counts once.
 */
export async function compareMembers(
  listBefore: () => AsyncIterable<NamedMember>,
  listAfter: () => AsyncIterable<NamedMember>,
): Promise<MemberChanges | undefined> {
  const before = await collect(listBefore())
  const after = await collect(listAfter())
  const changes = { added: openTally(), removed: openTally(), changed: openTally() }
  const [gone, come] = [before.contents.without(after.contents), after.contents.without(before.contents)]
  if (gone.size === 0 && come.size === 0) return undefined
  for await (const path of differing(listBefore(), gone)) {
    const tally = after.names.has(digest(path)) ? changes.changed : changes.removed
    tally.take(path)
  }
  for await (const path of differing(listAfter(), come)) if (!before.names.has(digest(path))) changes.added.take(path)
  const [added, removed, changed] = [changes.added, changes.removed, changes.changed].map((tally) => tally.finish())
  return {
    added: added!.count,
    removed: removed!.count,
    changed: changed!.count,
    examples: { added: added!.names, removed: removed!.names, changed: changed!.names },
  }
}

async function collect(
  members: AsyncIterable<NamedMember>,
): Promise<{ names: DigestMultiset; contents: DigestMultiset }> {
  const [names, contents] = [collectDigests(), collectDigests()]
  for await (const named of members) {
    names.add(digest(named.path))
    contents.add(digest(describe(named)))
  }
  return { names: names.finishSet(), contents: contents.finishSet() }
}

async function* differing(members: AsyncIterable<NamedMember>, surplus: Surplus): AsyncGenerator<string> {
  if (surplus.size === 0) return
  for await (const named of members) if (surplus.take(digest(describe(named)))) yield named.path
}

function describe({ path, member: { crc32, sizeBytes } }: NamedMember): string {
  return `${crc32} ${sizeBytes} ${path}`
}

function openTally() {
  const names: string[] = []
  let count = 0
  return {
    take(name: string) {
      count += 1
      if (names.length < MAX_EXAMPLES) names.push(name)
    },
    finish: () => ({ count, names }),
  }
}
