// The schedules, in the form that the original's users know: a crontab.

import { readFile } from 'node:fs/promises'
import { CronExpressionParser } from 'cron-parser'
import { BackupError } from '#shared/errors/backup-error.ts'
import { type Mode, modeSchema } from '#shared/queues/runs-queue.ts'

export type Schedule =
  | {
      readonly cron: string
      readonly line: number
      readonly what: 'backup'
      readonly mode: Mode
      readonly full: boolean
    }
  | { readonly cron: string; readonly line: number; readonly what: 'sweep' }
  | { readonly cron: string; readonly line: number; readonly what: 'verify' }
  | { readonly cron: string; readonly line: number; readonly what: 'drill' }

/**
 * Reads lines like `0 0 * * * backup --mode p [--full]`, `0 1 * * * sweep`, `30 2 * * * verify` and `0 4 * * 6 drill`; `#` begins a comment,
 * `@daily` and its kin work. Whatever stands before the command's name is ignored, so the original's `/…/backup.sh` lines are no match
 * and are named as faults rather than run as something else.
 *
 * @throws BackupError `crontab` naming every faulty line at once
 */
export function readCrontab(text: string, fileName: string): Schedule[] {
  const schedules: Schedule[] = []
  const faults: string[] = []
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const content = raw.replace(/(^|\s)#.*$/, '').trim()
    if (content === '') continue
    const read = readLine(content, index + 1)
    if (typeof read === 'string') faults.push(`line ${index + 1} («${content}»): ${read}`)
    else schedules.push(read)
  }
  if (faults.length === 0) return schedules
  throw new BackupError(`the schedule file ${fileName} cannot be read: ${faults.join('; ')}`, {
    code: 'crontab',
    retryable: false,
    hint: 'A line is five fields of cron and `backup --mode p|a|t [--full]`, `sweep`, `verify` or `drill`, e.g. `0 0 * * * backup --mode p`.',
  })
}

function readLine(content: string, line: number): Schedule | string {
  const match = /^(@\w+|(?:\S+\s+){4}\S+)\s+(\S.*)$/.exec(content)
  if (!match) return 'five fields and a command are needed'
  const cron = match[1]!.replaceAll(/\s+/g, ' ')
  try {
    CronExpressionParser.parse(cron)
  } catch (error) {
    return `not a cron expression: ${error instanceof Error ? error.message : String(error)}`
  }
  const words = match[2]!.trim().split(/\s+/)
  const [what] = words
  if (words.length === 1 && (what === 'sweep' || what === 'verify' || what === 'drill')) return { cron, line, what }
  if (words[0] !== 'backup') return `unknown command ${words[0]}`
  const full = words.includes('--full')
  const rest = words.slice(1).filter((word) => word !== '--full')
  const mode = modeSchema.safeParse(rest[0]?.startsWith('--mode=') ? rest[0].slice(7) : rest[1])
  const wellFormed = rest[0]?.startsWith('--mode=') ? rest.length === 1 : rest[0] === '--mode' && rest.length === 2
  if (!wellFormed || !mode.success) return 'backup needs --mode p, a or t'
  return { cron, line, what: 'backup', mode: mode.data, full }
}

/** Reads the schedule file. @throws BackupError `crontab` when it cannot be read or holds a fault */
export async function readSchedules(file: string): Promise<Schedule[]> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    throw new BackupError(`the schedule file ${file} cannot be read`, {
      code: 'crontab',
      retryable: false,
      hint: 'Set CVAT_BACKUP_SCHEDULE_FILE to a crontab file that this process can read.',
      cause,
    })
  }
  return readCrontab(text, file)
}
