// What annotations were added, removed and changed between two states of a task, with a bounded memory: digests, then details of those only that differ.

import { collectDigests, type DigestMultiset, digest, type Surplus } from './digest-multiset.ts'
import type { NormalAnnotation, RawAnnotation } from './normalise-annotation.ts'

/** Reads all annotations of one state; called up to three times. */
export type AnnotationReader = (onAnnotation: (annotation: RawAnnotation) => void) => Promise<void>

export interface Counts {
  added: number
  removed: number
  /** One was removed and one added of the same kind, type and label on the same frame. */
  changed: number
}

export interface AnnotationChanges extends Counts {
  readonly before: number
  readonly after: number
  /** By label, most changes first. */
  readonly labels: readonly (Counts & { readonly label: string })[]
  /** The first frames with changes, by number. */
  readonly frames: readonly (Counts & { readonly frame: number })[]
  /** How many frames have changes; a lower bound where `isCut`. */
  readonly frameCount: number
  /** There are so many changes that some are not told apart: they count as added and removed, and their frames do not. */
  readonly isCut: boolean
}

/** Kinds of changes (by frame, label, kind and type) that are told apart. */
const MAX_GROUPS = 200_000
const MAX_FRAMES = 100

/**
 * Undefined when both hold the same annotations, in whatever order and whichever job. Those whose text is in both are the
 * same; only the others are parsed, and brought into a form in which order and spelling make no difference.
 */
export async function compareAnnotations(
  readBefore: AnnotationReader,
  readAfter: AnnotationReader,
): Promise<AnnotationChanges | undefined> {
  const before = await collectTexts(readBefore)
  const after = await collectTexts(readAfter)
  const othersBefore: OtherReader = (take) => readOthers(readBefore, before.without(after), take)
  const othersAfter: OtherReader = (take) => readOthers(readAfter, after.without(before), take)
  const [old, now] = [await collectNormal(othersBefore), await collectNormal(othersAfter)]
  const [removed, added] = [old.without(now), now.without(old)]
  if (removed.size === 0 && added.size === 0) return undefined
  const groups = openGroups()
  await othersBefore((annotation) => removed.take(digest(annotation.text)) && groups.take(annotation, 'removed'))
  await othersAfter((annotation) => added.take(digest(annotation.text)) && groups.take(annotation, 'added'))
  return { before: before.size, after: after.size, ...groups.finish() }
}

type OtherReader = (take: (annotation: NormalAnnotation) => void) => Promise<void>

async function collectTexts(read: AnnotationReader): Promise<DigestMultiset> {
  const digests = collectDigests()
  await read(({ text }) => digests.add(digest(text)))
  return digests.finish()
}

async function collectNormal(read: OtherReader): Promise<DigestMultiset> {
  const digests = collectDigests()
  await read(({ text }) => digests.add(digest(text)))
  return digests.finish()
}

async function readOthers(
  read: AnnotationReader,
  surplus: Surplus,
  take: (annotation: NormalAnnotation) => void,
): Promise<void> {
  if (surplus.size === 0) return
  await read((raw) => {
    if (surplus.take(digest(raw.text))) take(raw.normalise())
  })
}

interface Group {
  readonly frame: number
  readonly label: string
  added: number
  removed: number
}

function openGroups() {
  const groups = new Map<string, Group>()
  const rest = { added: 0, removed: 0 }
  return {
    take({ frame, label, kind, type }: NormalAnnotation, what: 'added' | 'removed'): void {
      const key = JSON.stringify([frame, label, kind, type])
      const known = groups.get(key)
      if (known) known[what] += 1
      else if (groups.size < MAX_GROUPS) groups.set(key, { frame, label, added: 0, removed: 0, [what]: 1 })
      else rest[what] += 1
    },
    finish() {
      const total: Counts = { changed: 0, ...rest }
      const labels = new Map<string, Counts>()
      const frames = new Map<number, Counts>()
      for (const { frame, label, added, removed } of groups.values()) {
        const changed = Math.min(added, removed)
        const counts = { added: added - changed, removed: removed - changed, changed }
        addTo(total, counts)
        addTo(getOrAdd(labels, label), counts)
        addTo(getOrAdd(frames, frame), counts)
      }
      return {
        ...total,
        labels: [...labels].map(([label, counts]) => ({ label, ...counts })).sort((a, b) => sum(b) - sum(a)),
        frames: [...frames]
          .map(([frame, counts]) => ({ frame, ...counts }))
          .sort((a, b) => a.frame - b.frame)
          .slice(0, MAX_FRAMES),
        frameCount: frames.size,
        isCut: rest.added + rest.removed > 0,
      }
    },
  }
}

function getOrAdd<Key>(map: Map<Key, Counts>, key: Key): Counts {
  const counts = map.get(key) ?? { added: 0, removed: 0, changed: 0 }
  map.set(key, counts)
  return counts
}

function addTo(total: Counts, counts: Counts): void {
  total.added += counts.added
  total.removed += counts.removed
  total.changed += counts.changed
}

function sum({ added, removed, changed }: Counts): number {
  return added + removed + changed
}
