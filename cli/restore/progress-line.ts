// What is under way, on one line that is drawn over: on a terminal only.

import { clearLine, cursorTo } from 'node:readline'
import { formatEntity } from '#shared/model/entity.ts'
import { formatBytes } from '#shared/presentation/format.ts'
import type { RestorePayload } from '#shared/queues/restores-queue.ts'

export interface ProgressLine {
  onProgress(payload: Pick<RestorePayload, 'entity'>, progress: object): void
  onEnd(payload: Pick<RestorePayload, 'entity'>): void
  /** Writes above the line. */
  say(text: string, to: NodeJS.WritableStream): void
  close(): void
}

export function openProgressLine(terminal: NodeJS.WriteStream, count: number): ProgressLine {
  const active = new Map<string, string>()
  let ended = 0
  const erase = () => {
    if (!terminal.isTTY) return
    cursorTo(terminal, 0)
    clearLine(terminal, 0)
  }
  const draw = () => {
    if (!terminal.isTTY) return
    erase()
    const text = [`${ended} of ${count}`, ...active.values()].join(', ')
    terminal.write(text.slice(0, Math.max(20, (terminal.columns ?? 80) - 1)))
  }
  return {
    onProgress({ entity }, progress) {
      active.set(formatEntity(entity), `${formatEntity(entity)} ${describeProgress(progress)}`)
      draw()
    },
    onEnd({ entity }) {
      active.delete(formatEntity(entity))
      ended++
      draw()
    },
    say(text, to) {
      erase()
      to.write(`${text}\n`)
      draw()
    },
    close: erase,
  }
}

/** `upload 31 % of 1.2 GB`, or the phase alone. */
export function describeProgress(progress: object): string {
  const { phase, sentBytes, totalBytes } = progress as Record<string, unknown>
  if (phase !== 'upload' || typeof sentBytes !== 'number' || typeof totalBytes !== 'number') return String(phase ?? '')
  const share = totalBytes === 0 ? 100 : Math.floor((sentBytes / totalBytes) * 100)
  return `upload ${share} % of ${formatBytes(totalBytes)}`
}
