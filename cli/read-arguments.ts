// Words of the command line to options; whatever fits nothing is an error that says so.

import { type ParseArgsConfig, parseArgs } from 'node:util'
import type { EntityRef, EntityType } from '#shared/model/entity.ts'
import { wrongUsage } from './usage.ts'

type Options = NonNullable<ParseArgsConfig['options']>

/** Like node:util's parseArgs in strict mode, with our error. */
export function readArguments<O extends Options>(args: string[], options: O, allowPositionals = false) {
  try {
    return parseArgs({ args, options, allowPositionals, strict: true })
  } catch (error) {
    throw wrongUsage(error instanceof Error ? error.message : String(error))
  }
}

/**
 * Takes `--project 3 5 --task 7` out of the words: one option, any number of ids, which parseArgs cannot express.
 * Undefined when none is named.
 */
export function takeEntities(args: readonly string[]): { rest: string[]; entities: EntityRef[] | undefined } {
  const rest: string[] = []
  const entities: EntityRef[] = []
  let type: EntityType | undefined
  let named = false
  for (const word of args.flatMap(splitAtEquals)) {
    if (word === '--project' || word === '--task') {
      type = word === '--project' ? 'project' : 'task'
      named = true
    } else if (type !== undefined && !word.startsWith('-')) {
      for (const id of word.split(',')) entities.push({ type, id: readId(id, type) })
    } else {
      type = undefined
      rest.push(word)
    }
  }
  if (named && entities.length === 0) throw wrongUsage('--project and --task need at least one id')
  return { rest, entities: named ? entities : undefined }
}

/** `--project=3` is `--project 3`. */
function splitAtEquals(arg: string): string[] {
  const [, option, value] = /^(--(?:project|task))=(.*)$/.exec(arg) ?? []
  return option === undefined || value === undefined ? [arg] : [option, value]
}

function readId(text: string, type: EntityType): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text)
  throw wrongUsage(`--${type} takes ids, which are whole numbers: «${text}» is none`)
}
