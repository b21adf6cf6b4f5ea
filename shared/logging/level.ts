// Names of the log's levels and formats.

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

export type LogLevel = (typeof LOG_LEVELS)[number]

/** Python's names for two of them, which people who run CVAT have at hand. */
export const LEVEL_SYNONYMS = { warning: 'warn', critical: 'fatal' } as const

export const LOG_FORMATS = ['auto', 'json', 'pretty'] as const

export type LogFormat = (typeof LOG_FORMATS)[number]
