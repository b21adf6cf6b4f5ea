// Requests that a real CVAT 2.64.1 has sent, signed with `s3cr3t-ü`.

import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'

export const recordedSecret = 's3cr3t-ü'

export interface RecordedHook {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** The exact text that was signed. */
  readonly body: string
  readonly json: Readonly<Record<string, unknown>>
}

const folder = join(import.meta.dirname, '../../fixtures/webhooks')

export function readRecordedHooks(): [string, RecordedHook][] {
  return globSync('*.json', { cwd: folder })
    .sort()
    .map((file) => [basename(file, '.json'), JSON.parse(readFileSync(join(folder, file), 'utf8')) as RecordedHook])
}
