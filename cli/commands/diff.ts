// `diff`: what two archives of one project or task differ in, by members and content. 0 nothing, 1 something, 2 trouble.

import { type ArchiveSide, compareArchives } from '#shared/comparison/compare-archives.ts'
import { untilAskedToStop } from '#shared/service/start-signals.ts'
import { openStore } from '#shared/store/open-store.ts'
import { chooseArchives } from '../diff/choose-archives.ts'
import { openJsonView, openTextView } from '../diff/diff-view.ts'
import { exitCodes } from '../exit-codes.ts'
import type { NamedArchive } from '../find-archive.ts'
import { loadStoreSettings } from '../load-all-settings.ts'
import { readArguments } from '../read-arguments.ts'

export async function diff(args: string[]): Promise<number> {
  const { values, positionals } = readArguments(args, { json: { type: 'boolean', default: false } }, true)
  const store = openStore({ directory: loadStoreSettings().values.store.backupDir })
  const { before, after } = await chooseArchives(store, positionals)
  const stopping = new AbortController()
  void untilAskedToStop().then(() => stopping.abort(new Error('interrupted')))
  const view = (values.json ? openJsonView : openTextView)(process.stdout, before, after)
  let differing = 0
  try {
    for await (const found of compareArchives(toSide(before), toSide(after), { signal: stopping.signal })) {
      if (found.what !== 'end') view.onFound(found)
      else {
        view.onEnd(found)
        differing = found.differing
      }
    }
  } catch (error) {
    if (!stopping.signal.aborted) throw error
    return exitCodes.interrupted
  }
  return differing === 0 ? exitCodes.ok : exitCodes.failed
}

function toSide({ path, stored }: NamedArchive): ArchiveSide {
  return { path, perTask: stored?.record.members.perTask }
}
