// Settings of the log.

import { LEVEL_SYNONYMS, LOG_FORMATS, LOG_LEVELS } from '#shared/logging/level.ts'
import { defineGroup, type Settings } from './setting.ts'
import { oneOf } from './value-schemas.ts'

const settings = {
  level: {
    name: 'LOG_LEVEL',
    schema: oneOf(LOG_LEVELS, LEVEL_SYNONYMS),
    default: 'info',
    description: 'Messages below this level are left out. `warning` and `critical` mean `warn` and `fatal`.',
  },
  format: {
    name: 'LOG_FORMAT',
    schema: oneOf(LOG_FORMATS),
    default: 'auto',
    description:
      '`json` is a JSON object a line, `pretty` is for people; `auto` is `pretty` on a terminal and `json` elsewhere.',
  },
} as const satisfies Settings

export const loggingSettings = defineGroup({ title: 'Log', settings })
