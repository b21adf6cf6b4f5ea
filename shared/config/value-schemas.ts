// Schemas from a variable's text to its value. Each carries what it accepts, for the documentation and for faults.

import { isAbsolute, resolve } from 'node:path'
import { z } from 'zod'

/** Thrown by a parser; the text itself must not be in it, it may be secret. */
export class InvalidValue extends Error {
  readonly fix: string | undefined

  constructor(problem: string, fix?: string) {
    super(problem)
    this.fix = fix
  }
}

/**
 * A schema from a parser that throws {@link InvalidValue}.
 * @param accepts a noun phrase: `a whole number from 1 to 64`
 */
export function valueSchema<Value>(accepts: string, parse: (text: string) => Value): z.ZodType<Value, string> {
  return z
    .string()
    .transform((text, context) => {
      try {
        return parse(text)
      } catch (error) {
        if (!(error instanceof InvalidValue)) throw error
        context.addIssue({ code: 'custom', message: error.message || `is not ${accepts}`, params: { fix: error.fix } })
        return z.NEVER
      }
    })
    .describe(accepts)
}

/** Whole numbers in a range, both ends included. */
export function wholeNumber({ min, max }: { min: number; max: number }) {
  return valueSchema(`a whole number from ${min} to ${max}`, (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
    if (!(value >= min && value <= max)) throw new InvalidValue('')
    return value
  })
}

/** A span of time in a unit, decimals allowed, as whole milliseconds. */
export function duration(options: { unitMs: number; max: number; zeroAllowed: boolean }) {
  const { unitMs, max, zeroAllowed } = options
  return valueSchema(`a number ${zeroAllowed ? 'from 0 to' : 'above 0, up to'} ${max}`, (text) => {
    const value = /^(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : Number.NaN
    const ms = Math.round(value * unitMs)
    if (!(value <= max && (zeroAllowed || ms > 0))) {
      throw new InvalidValue('', text.includes(',') ? 'Write decimals with a point' : undefined)
    }
    return ms
  })
}

const sizeUnits: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
}

/** An amount of data with its unit, as bytes. A number alone counts bytes. */
export function size() {
  return valueSchema('a size: `0`, `500 MB`, `1.5 GB`, `2 GiB`', (text) => {
    const [, number, unit = 'B'] = /^(\d+(?:\.\d+)?) ?([kmgt]?i?b)?$/i.exec(text) ?? []
    const bytes = Math.round(Number(number) * (sizeUnits[unit.toLowerCase()] ?? Number.NaN))
    if (!Number.isSafeInteger(bytes)) {
      throw new InvalidValue('', text.includes(',') ? 'Write decimals with a point' : undefined)
    }
    return bytes
  })
}

export function yesOrNo() {
  const yes = ['1', 'true', 'yes', 'on']
  const no = ['0', 'false', 'no', 'off']
  return valueSchema('`true`, `yes`, `on`, `1` or `false`, `no`, `off`, `0`, in any case', (text) => {
    const word = text.toLowerCase()
    if (!yes.includes(word) && !no.includes(word)) throw new InvalidValue('')
    return yes.includes(word)
  })
}

/** One of some words in any case; `synonyms` are accepted too and stand for one of them. */
export function oneOf<const Word extends string>(
  words: readonly Word[],
  synonyms: Readonly<Record<string, Word>> = {},
) {
  const meanings = new Map<string, Word>([...words.map((word) => [word, word] as const), ...Object.entries(synonyms)])
  const listed = [...meanings.keys()].map((word) => `\`${word}\``).join(', ')
  return valueSchema(`one of ${listed}, in any case`, (text) => {
    const value = meanings.get(text.toLowerCase())
    if (value === undefined) throw new InvalidValue('')
    return value
  })
}

/** A path; made absolute from the working directory. */
export function path() {
  return valueSchema('a path', (text) => {
    if (text.includes('\0')) throw new InvalidValue('')
    return isAbsolute(text) ? resolve(text) : resolve(process.cwd(), text)
  })
}

/** Text on one line. */
export function line({ accepts, pattern }: { accepts: string; pattern: RegExp }) {
  return valueSchema(accepts, (text) => {
    if (!pattern.test(text)) throw new InvalidValue('')
    return text
  })
}
