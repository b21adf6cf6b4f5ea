// The part of JSON logic that CVAT's `filter` parameter knows, compiled to a predicate over rows.

import { normalizeDate } from './server-clock.ts'

export type FieldValue = string | number | null

export interface Field<Row> {
  readonly kind: 'text' | 'number' | 'date'
  readonly get: (row: Row) => FieldValue
}

export type Fields<Row> = Readonly<Record<string, Field<Row>>>
export type Predicate<Row> = (row: Row) => boolean

/** What CVAT answers with 400, as the one element of a JSON array. */
export class FilterError extends Error {}

export function parseFilter<Row>(text: string, fields: Fields<Row>): Predicate<Row> {
  let rules: unknown
  try {
    rules = JSON.parse(text)
  } catch {
    throw new FilterError(`filter: can't parse filter expression: ${pythonJsonError(text)}`)
  }
  if (typeof rules === 'object' && rules !== null && Object.keys(rules).length === 0) {
    throw new FilterError("filter: filter shouldn't be empty")
  }
  return compile(rules, fields)
}

/** `field == value` as a query parameter says it: numbers arrive as text. */
export function equals<Row>(fields: Fields<Row>, name: string, value: unknown): Predicate<Row> {
  const field = known(fields, name)
  const wanted = operand(field, value)
  return (row) => field.get(row) === wanted
}

function compile<Row>(rule: unknown, fields: Fields<Row>): Predicate<Row> {
  const [operator, args] = (typeof rule === 'object' && rule !== null && Object.entries(rule)[0]) || []
  if (operator === undefined) throw new FilterError('filter: Json syntax should be used')
  switch (operator) {
    case 'and':
    case 'or': {
      const parts = list(operator, args).map((part) => compile(part, fields))
      return operator === 'and' ? (row) => parts.every((part) => part(row)) : (row) => parts.some((part) => part(row))
    }
    case '!': {
      const part = compile(args, fields)
      return (row) => !part(row)
    }
    case '!!':
      return compile(args, fields)
    case 'var': {
      const field = known(fields, String(args))
      return (row) => field.get(row) !== null
    }
    case '==':
    case '<':
    case '>':
    case '<=':
    case '>=':
      return compileComparison(operator, list(operator, args), fields)
    case 'in':
      return compileIn(list(operator, args), fields)
    default:
      throw notImplemented(operator, args)
  }
}

function compileComparison<Row>(operator: string, args: readonly unknown[], fields: Fields<Row>): Predicate<Row> {
  if (args.length === 3 && operator === '<=') {
    const field = known(fields, variable(args[1]))
    const low = operand(field, args[0])
    const high = operand(field, args[2])
    return (row) => compare(field.get(row), low, '>=') && compare(field.get(row), high, '<=')
  }
  if (args.length !== 2) throw notImplemented(operator, args)
  const field = known(fields, variable(args[0]))
  const wanted = operand(field, args[1])
  return (row) => compare(field.get(row), wanted, operator)
}

function compileIn<Row>(args: readonly unknown[], fields: Fields<Row>): Predicate<Row> {
  if (typeof args[0] === 'object' && args[0] !== null) {
    const field = known(fields, variable(args[0]))
    const wanted = new Set(list('in', args[1]).map((value) => operand(field, value)))
    return (row) => wanted.has(field.get(row))
  }
  const field = known(fields, variable(args[1]))
  const part = String(args[0])
  return (row) => String(field.get(row) ?? '').includes(part)
}

function compare(value: FieldValue, wanted: FieldValue, operator: string): boolean {
  if (operator === '==') return value === wanted
  if (value === null || wanted === null) return false
  if (operator === '<') return value < wanted
  if (operator === '>') return value > wanted
  return operator === '<=' ? value <= wanted : value >= wanted
}

function operand<Row>(field: Field<Row>, value: unknown): FieldValue {
  if (value === null) return null
  if (field.kind === 'text') return String(value)
  const converted = field.kind === 'number' ? Number(value) : normalizeDate(String(value))
  if (converted === undefined || Number.isNaN(converted)) throw new FilterError(`filter: ${value} is no ${field.kind}`)
  return converted
}

function known<Row>(fields: Fields<Row>, name: string): Field<Row> {
  const field = Object.hasOwn(fields, name) ? fields[name] : undefined
  if (!field) throw new FilterError(`filter: '${name}' term is not supported`)
  return field
}

function variable(argument: unknown): string {
  const name = typeof argument === 'object' && argument !== null ? Object.entries(argument)[0] : undefined
  if (name?.[0] !== 'var') throw new FilterError("filter: 'var' term is not supported")
  return String(name[1])
}

function list(operator: string, args: unknown): readonly unknown[] {
  if (!Array.isArray(args)) throw notImplemented(operator, args)
  return args
}

function notImplemented(operator: string, args: unknown): FilterError {
  return new FilterError(`filter: ${operator} operation with ${JSON.stringify(args)} arguments is not implemented`)
}

/** Python's words for the commonest mistakes; only the unterminated string was recorded. */
function pythonJsonError(text: string): string {
  const quotes = [...text.matchAll(/(?<!\\)"/g)]
  const last = quotes.at(-1)
  const at = quotes.length % 2 === 1 && last ? last.index : 0
  const words = quotes.length % 2 === 1 ? 'Unterminated string starting at' : 'Expecting value'
  return `${words}: line 1 column ${at + 1} (char ${at})`
}
