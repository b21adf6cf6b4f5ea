// What services note for each other and for later beside the archives: small JSON files, each replaced as a whole. Whoever reads
// one checks its shape.

import { join } from 'node:path'
import type { FileOperations } from './file-operations.ts'
import type { Layout } from './layout.ts'
import { absent, readJsonIfThere } from './read-json.ts'
import { withStoreErrors } from './store-errors.ts'
import { writeJsonAtomically } from './write-json.ts'

/** `notifications`: what people were told. `verification`: what the newest scheduled pass found. */
export type StatusName = 'notifications' | 'verification'

/** Undefined where there is none. */
export async function readStatus(files: FileOperations, layout: Layout, name: StatusName): Promise<unknown> {
  return withStoreErrors(`Reading the status ${name}`, async () => {
    const value = await readJsonIfThere(files, pathOf(layout, name))
    return value === absent ? undefined : value
  })
}

/** Atomic; replaces the one before. */
export async function writeStatus(
  files: FileOperations,
  layout: Layout,
  { name, value }: { readonly name: StatusName; readonly value: object },
  now: Date,
): Promise<void> {
  await withStoreErrors(`Writing the status ${name}`, () =>
    writeJsonAtomically(files, {
      temporaryPath: layout.newTemporary(name, now),
      finalPath: pathOf(layout, name),
      value,
    }),
  )
}

function pathOf({ privateFolder }: Layout, name: StatusName): string {
  return join(privateFolder, `${name}.json`)
}
