// What a person sees of a run: bars on a terminal, a line for each entity elsewhere.

import { clearScreenDown, cursorTo, moveCursor } from 'node:readline'
import type { RunAccount, RunEvent } from '#shared/coordination/run-ledger.ts'
import { formatBytes, formatDuration, quoteName } from '#shared/presentation/format.ts'

export interface ActiveJob {
  readonly name: string
  readonly phase: string
  readonly receivedBytes?: number | undefined
  readonly totalBytes?: number | undefined
}

export interface RunView {
  onEvents(events: readonly RunEvent[]): void
  onAccount(account: RunAccount, active: readonly ActiveJob[]): void
  /** A message besides the run's own, such as a log line. */
  say(line: string): void
  close(): void
}

export type Output = NodeJS.WriteStream

export function openRunView(output: Output): RunView {
  return output.isTTY ? openBars(output) : openLines(output)
}

/** For `--json`: nothing but the summary goes to standard output. */
export function openSilentView(errors: NodeJS.WritableStream): RunView {
  return { onEvents() {}, onAccount() {}, say: (line) => void errors.write(`${line}\n`), close() {} }
}

const LINE_EVERY_MS = 30_000

function openLines(output: Output): RunView {
  let nextAtMs = Date.now() + LINE_EVERY_MS
  const say = (line: string) => void output.write(`${line}\n`)
  return {
    say,
    onEvents(events) {
      for (const event of events) say(describeEvent(event))
    },
    onAccount(account) {
      if (Date.now() < nextAtMs) return
      nextAtMs = Date.now() + LINE_EVERY_MS
      say(describeProgress(account))
    },
    close() {},
  }
}

function openBars(output: Output): RunView {
  let drawn = 0
  let last: string[] = []
  const erase = () => {
    if (drawn > 0) moveCursor(output, 0, -drawn)
    cursorTo(output, 0)
    clearScreenDown(output)
    drawn = 0
  }
  const draw = () => {
    for (const line of last) output.write(`${line}\n`)
    drawn = last.length
  }
  const say = (line: string) => {
    erase()
    output.write(`${line}\n`)
    draw()
  }
  return {
    say,
    onEvents(events) {
      for (const event of events) if (event.what === 'failed') say(describeEvent(event))
    },
    onAccount(account, active) {
      const width = Math.max(20, (output.columns ?? 80) - 1)
      last = [drawBar(account), ...active.slice(0, 8).map(describeActive)].map((line) => cut(line, width))
      erase()
      draw()
    },
    close: erase,
  }
}

function describeEvent({ what, series, name, sizeBytes, reason }: RunEvent): string {
  const entity = `${series.split('.')[0]} ${quoteName(name)}`
  if (what === 'done') return `done     ${entity} (${formatBytes(sizeBytes)})${reason === '' ? '' : `: ${reason}`}`
  if (what === 'noted') return `noted    ${entity}: its workflow${reason === '' ? '' : `; ${reason}`}`
  if (what === 'failed') return `FAILED   ${entity}: ${reason}`
  return `${what.padEnd(8)} ${entity}: ${reason}`
}

function describeProgress(account: RunAccount): string {
  const finished = account.done + account.noted + account.skipped + account.empty + account.failed
  const counts = [`${account.done} backed up (${formatBytes(account.sizeBytes)})`, `${account.skipped} unchanged`]
  if (account.noted > 0) counts.push(`workflow of ${account.noted} noted`)
  if (account.empty > 0) counts.push(`${account.empty} empty`)
  if (account.failed > 0) counts.push(`${account.failed} FAILED`)
  const listing = account.state === 'listing' ? ', still listing' : ''
  const time = formatDuration(Date.now() - account.startedAtMs)
  return `${finished} of ${account.total} entities${listing}: ${counts.join(', ')}, ${time}`
}

const BAR_WIDTH = 24

function drawBar(account: RunAccount): string {
  const finished = account.done + account.noted + account.skipped + account.empty + account.failed
  const filled = account.total === 0 ? 0 : Math.floor((finished / account.total) * BAR_WIDTH)
  return `[${'#'.repeat(filled)}${'.'.repeat(BAR_WIDTH - filled)}] ${describeProgress(account)}`
}

function describeActive({ name, phase, receivedBytes, totalBytes }: ActiveJob): string {
  if (phase !== 'download' || receivedBytes === undefined) return `  ${quoteName(name)} ${phase}`
  if (totalBytes === undefined || totalBytes === 0) return `  ${quoteName(name)} download ${formatBytes(receivedBytes)}`
  const share = Math.floor((receivedBytes / totalBytes) * 100)
  return `  ${quoteName(name)} download ${share} % of ${formatBytes(totalBytes)}`
}

function cut(line: string, width: number): string {
  return line.length <= width ? line : `${line.slice(0, width - 1)}…`
}
