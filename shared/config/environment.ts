// The environment of the command line: the process's own, filled up from a `.env` file in the working directory.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { ConfigurationError } from './configuration-error.ts'
import type { Origins } from './read-setting.ts'
import type { Environment } from './setting.ts'

export interface ReadEnvironment {
  readonly env: Environment
  /** `.env` or `environment` for each variable. */
  readonly origins: Origins
}

/**
 * Merges `.env` of a folder into an environment. As with Node's own `--env-file` the real environment wins, also when
 * it sets a variable to nothing: `CVAT_ORGANIZATION= cvat-backups run` takes a setting of the file back.
 * @throws ConfigurationError when the file is there but cannot be read
 */
export function readEnvironment({ cwd, env }: { cwd: string; env: Environment }): ReadEnvironment {
  const fromFile = readDotEnv(join(cwd, '.env'))
  const real = Object.fromEntries(Object.entries(env).filter(([, text]) => text !== undefined))
  return {
    env: { ...fromFile, ...real },
    origins: {
      ...Object.fromEntries(Object.keys(fromFile).map((name) => [name, '.env'])),
      ...Object.fromEntries(Object.keys(real).map((name) => [name, 'environment'])),
    },
  }
}

function readDotEnv(file: string): Record<string, string | undefined> {
  try {
    return parseEnv(readFileSync(file, 'utf8').replace(/^\uFEFF/, ''))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return {}
    throw new ConfigurationError([
      {
        name: '.env',
        value: file,
        problem: `cannot be read: ${code ?? String(error)}`,
        fix: 'Make it readable or remove it',
      },
    ])
  }
}
