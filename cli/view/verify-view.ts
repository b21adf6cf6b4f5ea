// What a person, or a program, sees of a re-check.

import { clearLine, cursorTo } from 'node:readline'
import { formatBytes, formatDuration } from '#shared/presentation/format.ts'

/** Something that is not as it should be. */
export interface VerifyFinding {
  readonly what:
    | 'damaged'
    | 'wanting'
    | 'failed'
    | 'unreadable-folder'
    | 'missing-archive'
    | 'missing-record'
    | 'broken-record'
    | 'damaged-workflow'
    | 'missing-part'
    | 'unreferenced-part'
  readonly entity: string
  readonly path: string
  readonly code: string
  readonly message: string
}

export interface VerifyTotals {
  /** All that are stored (of the named entities), and those that were due. */
  archives: number
  due: number
  dueBytes: number
  checked: number
  checkedBytes: number
  intact: number
  damaged: number
  /** Could not be checked. */
  failed: number
  /** Sidecars; archives are counted by themselves. */
  damagedWorkflows: number
}

export interface VerifyEnd {
  readonly durationMs: number
  readonly interrupted: boolean
  /** What ended it before its time. */
  readonly error?: string | undefined
}

export interface VerifyView {
  onStart(totals: VerifyTotals): void
  onArchive(name: string, totals: VerifyTotals): void
  onFinding(finding: VerifyFinding): void
  end(totals: VerifyTotals, end: VerifyEnd): void
}

const WORDS: Record<VerifyFinding['what'], string> = {
  damaged: 'DAMAGED',
  wanting: 'INCOMPLETE',
  failed: 'NOT CHECKED',
  'unreadable-folder': 'NOT CHECKED',
  'missing-archive': 'MISSING',
  'missing-record': 'NO RECORD',
  'broken-record': 'BROKEN RECORD',
  'damaged-workflow': 'DAMAGED WORKFLOW',
  'missing-part': 'MISSING PART',
  'unreferenced-part': 'unused part',
}

/** One object: its findings as they come, its numbers at the end, so that nothing has to be kept. */
export function openJsonView(output: NodeJS.WritableStream, head: object): VerifyView {
  let findings = 0
  const opening = JSON.stringify(head).slice(0, -1)
  output.write(`${opening},"findings":[`)
  return {
    onStart() {},
    onArchive() {},
    onFinding(finding) {
      output.write(`${findings++ === 0 ? '' : ','}\n${JSON.stringify(finding)}`)
    },
    end(totals, { durationMs, interrupted, error }) {
      const rest = {
        ...totals,
        interrupted,
        durationSeconds: Math.round(durationMs / 100) / 10,
        ...(error && { error }),
      }
      output.write(`\n],${JSON.stringify(rest).slice(1)}\n`)
    },
  }
}

/** How many the summary names again, with what was found; each is told when it is met. */
const SHOWN = 50
const LINE_EVERY_MS = 30_000
const DRAW_EVERY_MS = 100

export function openTextView(output: NodeJS.WriteStream, directory: string): VerifyView {
  const shown: VerifyFinding[] = []
  let findings = 0
  let nextAtMs = 0
  const startedAtMs = Date.now()
  const erase = () => {
    if (!output.isTTY) return
    cursorTo(output, 0)
    clearLine(output, 0)
  }
  const say = (line: string) => {
    erase()
    output.write(`${line}\n`)
  }
  return {
    onStart(totals) {
      nextAtMs = Date.now() + (output.isTTY ? 0 : LINE_EVERY_MS)
      const { archives, due, dueBytes } = totals
      if (archives > 0) say(`${due} of ${archives} archives are due for a check (${formatBytes(dueBytes)})`)
    },
    onArchive(name, totals) {
      if (Date.now() < nextAtMs) return
      nextAtMs = Date.now() + (output.isTTY ? DRAW_EVERY_MS : LINE_EVERY_MS)
      const progress = describeProgress(totals, Date.now() - startedAtMs)
      if (!output.isTTY) return say(progress)
      erase()
      const width = Math.max(20, (output.columns ?? 80) - 1)
      const line = `${drawBar(totals)} ${progress} ${name}`
      output.write(line.length <= width ? line : `${line.slice(0, width - 1)}…`)
    },
    onFinding(finding) {
      findings++
      if (shown.length < SHOWN) shown.push(finding)
      say(`${WORDS[finding.what]} ${finding.path}`)
    },
    end(totals, { durationMs, interrupted, error }) {
      const isEmpty = totals.archives === 0 && findings === 0 && !interrupted && error === undefined
      say(isEmpty ? `There are no archives in ${directory}` : describeEnd(totals, durationMs, interrupted))
      for (const { what, path, message } of shown) output.write(`  ${WORDS[what]} ${path}: ${message}\n`)
      if (findings > shown.length) output.write(`  … and ${findings - shown.length} more, named above\n`)
    },
  }
}

function describeEnd(totals: VerifyTotals, durationMs: number, interrupted: boolean): string {
  const { checked, checkedBytes, intact, damaged, failed, damagedWorkflows } = totals
  const counts = [`${intact} intact`]
  if (damaged > 0) counts.push(`${damaged} DAMAGED`)
  if (failed > 0) counts.push(`${failed} could not be checked`)
  if (damagedWorkflows > 0) counts.push(`${damagedWorkflows} workflows DAMAGED`)
  const start = interrupted ? 'Interrupted: ' : ''
  return `${start}${checked} archives checked (${formatBytes(checkedBytes)}) in ${formatDuration(durationMs)}: ${counts.join(', ')}`
}

function describeProgress({ checked, due, checkedBytes, dueBytes, damaged }: VerifyTotals, durationMs: number): string {
  const bytes = `${formatBytes(checkedBytes)} of ${formatBytes(dueBytes)}`
  const found = damaged > 0 ? `, ${damaged} DAMAGED` : ''
  return `${checked} of ${due} archives, ${bytes}${found}, ${formatDuration(durationMs)}`
}

const BAR_WIDTH = 24

function drawBar({ checkedBytes, dueBytes }: VerifyTotals): string {
  const filled = dueBytes === 0 ? 0 : Math.min(BAR_WIDTH, Math.floor((checkedBytes / dueBytes) * BAR_WIDTH))
  return `[${'#'.repeat(filled)}${'.'.repeat(BAR_WIDTH - filled)}]`
}
