// File operations that call back before each one, those on open files included: the place to fail or to die.

import type { FileHandle } from 'node:fs/promises'
import { type FileOperations, realFiles } from '#shared/store/file-operations.ts'

export interface Operation {
  /** `rename`, `open`, … and `handle.write`, `handle.sync`, … */
  readonly name: string
  readonly path: string
  /** Does half of what a write would have done. */
  tear(): Promise<void>
}

const handleMethods = ['read', 'write', 'writeFile', 'readFile', 'sync', 'truncate', 'stat', 'close'] as const

export function interfere(before: (operation: Operation) => Promise<void> | void): FileOperations {
  const intercept = (name: string) =>
    async function intercepted(...args: unknown[]) {
      await before({ name, path: String(args[0]), tear: async () => undefined })
      const operation = realFiles[name as keyof FileOperations] as (...all: unknown[]) => Promise<unknown>
      const result = await operation(...args)
      return name === 'open' ? wrapHandle(result as FileHandle, String(args[0]), before) : result
    }
  return Object.fromEntries(Object.keys(names).map((name) => [name, intercept(name)])) as unknown as FileOperations
}

/** Without readAtOnce: the ordinary operations do the same. */
const names: Record<Exclude<keyof FileOperations, 'readAtOnce'>, true> = {
  open: true,
  rename: true,
  unlink: true,
  mkdir: true,
  rmdir: true,
  lstat: true,
  stat: true,
  statfs: true,
  readdir: true,
  opendir: true,
}

function wrapHandle(
  handle: FileHandle,
  path: string,
  before: (operation: Operation) => Promise<void> | void,
): FileHandle {
  const methods = handleMethods.map((name) => {
    const method = handle[name].bind(handle) as (...args: unknown[]) => Promise<unknown>
    const intercepted = async (...args: unknown[]) => {
      try {
        await before({ name: `handle.${name}`, path, tear: () => writeHalf(handle, name, args[0]) })
      } catch (fault) {
        // As the system does it: whatever close(2) answers, the descriptor is gone.
        if (name === 'close') await handle.close()
        throw fault
      }
      return method(...args)
    }
    return [name, intercepted]
  })
  return Object.assign(Object.create(handle), Object.fromEntries(methods)) as FileHandle
}

async function writeHalf(handle: FileHandle, name: string, data: unknown): Promise<void> {
  if (name !== 'write' && name !== 'writeFile') return
  const bytes = Buffer.from(data as Uint8Array)
  await handle.write(bytes.subarray(0, bytes.length / 2))
}

/** An error as the operating system gives it. */
export function systemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: injected`), { code, errno: -1, syscall: 'injected' })
}
