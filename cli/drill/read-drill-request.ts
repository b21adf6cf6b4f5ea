// The words of `drill`.

import type { EntityRef } from '#shared/model/entity.ts'
import { readArguments, takeEntities } from '../read-arguments.ts'
import { wrongUsage } from '../usage.ts'

export interface DrillCommandRequest {
  /** Undefined: a sample. */
  readonly entities: readonly EntityRef[] | undefined
  readonly sample: number
  readonly to: string | undefined
  /** URL of the server whose archives are meant, where the directory holds those of several. */
  readonly from: string | undefined
  readonly yes: boolean
  readonly json: boolean
}

export function readDrillRequest(args: string[]): DrillCommandRequest {
  const { rest, entities } = takeEntities(args)
  const { values } = readArguments(rest, {
    sample: { type: 'string' },
    to: { type: 'string' },
    from: { type: 'string' },
    yes: { type: 'boolean', short: 'y', default: false },
    json: { type: 'boolean', default: false },
  })
  if (values.sample !== undefined && entities) throw wrongUsage('--sample draws archives: name none with it')
  const sample = values.sample ?? '1'
  if (!/^[1-9]\d{0,4}$/.test(sample)) throw wrongUsage(`--sample takes a number from 1 to 99999, not «${sample}»`)
  return {
    entities,
    sample: Number(sample),
    to: values.to,
    from: values.from,
    yes: values.yes,
    json: values.json,
  }
}
