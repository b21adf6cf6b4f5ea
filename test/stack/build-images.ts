// Builds the images once for all tests of the stack, from a copy of the checkout in which secrets lie about, and removes
// them afterwards.

import { randomBytes } from 'node:crypto'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { docker, whyNoDocker } from './docker.ts'

export interface BuiltImages {
  /** Why there are none; undefined when they are there. */
  readonly missing: string | undefined
  readonly namespace: string
  readonly name: string
  readonly version: string
  /** A second tag of the same image: what an upgrade goes to. */
  readonly nextVersion: string
  readonly services: string
  readonly simulator: string
  readonly sidecar: string
  /** A text that lay in the build's folder under names that secrets have, and must be in no image. */
  readonly plantedInContext: string
}

declare module 'vitest' {
  interface ProvidedContext {
    images: BuiltImages
  }
}

const root = join(import.meta.dirname, '../..')
const BUILD_WITHIN_MS = 900_000
/** What a checkout has beside these (packages, archives, caches) is large, and no build may need it. */
const LEFT_OUT = new Set(['node_modules', '.git', '.cache', '.demo', 'coverage'])

/** Called by vitest before all tests; what it returns is called after them. */
export async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const missing = await whyNoDocker()
  const run = randomBytes(4).toString('hex')
  const [namespace, name, version] = ['cvat-backups-test', `stack-${run}`, '0.0.1-test']
  const images = {
    missing,
    namespace,
    name,
    version,
    nextVersion: '0.0.2-test',
    services: `${namespace}/${name}:${version}`,
    simulator: `${namespace}/${name}-simulator:${version}`,
    sidecar: `${namespace}/${name}-sidecar:${version}`,
    plantedInContext: `planted-context-${randomBytes(16).toString('hex')}`,
  }
  provide('images', images)
  if (missing !== undefined) {
    process.stdout.write(`\nThe tests of the stack are skipped: ${missing}\n\n`)
    return async () => undefined
  }
  const context = await mkdtemp(join(tmpdir(), 'cvat-backups-context-'))
  try {
    await copyCheckout(context)
    await plant(context, images.plantedInContext)
    for (const target of ['services', 'simulator', 'sidecar'] as const) {
      const args = ['build', '--target', target, '--build-arg', `VERSION=${version}`, '--tag', images[target], context]
      await docker(args, { timeoutMs: BUILD_WITHIN_MS })
    }
  } finally {
    await rm(context, { recursive: true, force: true })
  }
  const next = `${namespace}/${name}:${images.nextVersion}`
  await docker(['tag', images.services, next])
  return async () => {
    const all = [next, images.services, images.simulator, images.sidecar]
    await docker(['rmi', '--force', ...all], { mayFail: true })
  }
}

async function copyCheckout(context: string): Promise<void> {
  await cp(root, context, {
    recursive: true,
    filter: (source) => !LEFT_OUT.has(source.slice(root.length + 1)),
  })
}

/** Where people keep secrets, and where somebody might forget one. */
async function plant(context: string, secret: string): Promise<void> {
  const places = ['.env', '.npmrc', 'secrets/cvat_password', 'backups/note.txt', 'shared/.env', 'cli/debug.log']
  for (const place of places) {
    await mkdir(join(context, place, '..'), { recursive: true })
    await writeFile(join(context, place), `${secret}\n`)
  }
}
