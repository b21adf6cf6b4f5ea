// The calendar of the schedule and of retention.

import { defineGroup, type Settings } from './setting.ts'
import { InvalidValue, valueSchema } from './value-schemas.ts'

const settings = {
  timeZone: {
    name: 'TZ',
    schema: valueSchema('the name of an IANA time zone', parseTimeZone),
    default: { text: "the machine's", from: () => new Intl.DateTimeFormat().resolvedOptions().timeZone },
    description: 'Time zone in which the schedule is read, and in which retention counts hours, days, weeks and so on.',
    example: 'Europe/Berlin',
  },
} as const satisfies Settings

export const clockSettings = defineGroup({ title: 'Clock', settings })

function parseTimeZone(text: string): string {
  try {
    // Offsets such as +01:00 are taken by Intl as well, but have no summer time and are not taken by every reader of TZ.
    if (!/^[A-Za-z]/.test(text)) throw new RangeError('not a name')
    new Intl.DateTimeFormat('en', { timeZone: text })
    return text
  } catch {
    throw new InvalidValue('', 'Set it like TZ=Europe/Berlin or TZ=UTC')
  }
}
