// The peak memory of a process that somebody else starts and ends, e.g. the product's own redis-server. Linux only.

import { readdir, readFile, readlink } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

const LOOK_EVERY_MS = 100

/** Watches the process that has the folder as its working directory until it is disposed of. */
export function watchMemory(folder: string) {
  const stopping = new AbortController()
  let peakMb = 0
  const watching = (async () => {
    let pid: string | undefined
    while (!stopping.signal.aborted) {
      pid ??= await findProcessIn(folder)
      const status = pid === undefined ? '' : await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
      const peakKb = /^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]
      if (peakKb !== undefined) peakMb = Math.max(peakMb, Number(peakKb) / 1024)
      await sleep(LOOK_EVERY_MS, undefined, { signal: stopping.signal }).catch(() => undefined)
    }
  })()
  return {
    /** 0 as long as there was none. */
    peakMb: () => peakMb,
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await watching
    },
  }
}

async function findProcessIn(folder: string): Promise<string | undefined> {
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => '')
    if (cwd === folder || cwd.startsWith(`${folder}/`)) return pid
  }
  return undefined
}
