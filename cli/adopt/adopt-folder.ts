// Goes through a folder, one file after another: reading is what takes time, and it keeps the disk busy by itself.

import { readdir } from 'node:fs/promises'
import { withStoreErrors } from '#shared/store/store-errors.ts'
import { type AdoptFileDeps, type AdoptionOutcome, adoptFile, isOriginalName } from './adopt-file.ts'

export type FileAdoption = AdoptionOutcome & { readonly file: string }

export interface AdoptTotals {
  adopted: number
  adoptedBytes: number
  already: number
  unclear: number
  damaged: number
  failed: number
  /** Other files; folders are not counted. */
  foreign: number
}

export function newAdoptTotals(): AdoptTotals {
  return { adopted: 0, adoptedBytes: 0, already: 0, unclear: 0, damaged: 0, failed: 0, foreign: 0 }
}

/**
 * Counts into `totals`, which hold what was done when it throws. Names are held, nothing else: a hundred thousand take some
 * megabytes. They are read to the end first, since renaming changes the folder, and sorted, since files of one entity
 * then come one after another.
 */
export async function adoptFolder(
  folder: string,
  deps: AdoptFileDeps,
  totals: AdoptTotals,
  onFile: (adoption: FileAdoption) => void,
  signal: AbortSignal,
): Promise<void> {
  for (const file of await listFiles(folder)) {
    signal.throwIfAborted()
    if (!isOriginalName(file)) {
      totals.foreign++
      continue
    }
    const adoption = { file, ...(await adoptFile(folder, file, deps, signal)) }
    totals[adoption.outcome]++
    if (adoption.outcome === 'adopted') totals.adoptedBytes += adoption.sizeBytes
    onFile(adoption)
  }
}

async function listFiles(folder: string): Promise<string[]> {
  const entries = await withStoreErrors(`Reading ${folder}`, () => readdir(folder, { withFileTypes: true }))
  return entries
    .filter((entry) => !entry.isDirectory())
    .map(({ name }) => name)
    .sort()
}
