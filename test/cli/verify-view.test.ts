import { PassThrough } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, test, vi } from 'vitest'
import {
  openJsonView,
  openTextView,
  type VerifyEnd,
  type VerifyFinding,
  type VerifyTotals,
} from '../../cli/view/verify-view.ts'

const totals: VerifyTotals = {
  archives: 400,
  due: 120,
  dueBytes: 4_000_000,
  checked: 30,
  checkedBytes: 1_000_000,
  intact: 29,
  damaged: 1,
  failed: 0,
  damagedWorkflows: 0,
}
const finding = (index: number): VerifyFinding => ({
  what: 'damaged',
  entity: 'project-6',
  path: `project-6/${index}.zip`,
  code: 'bit-rot',
  message: 'its SHA-256 differs',
})
const end = { durationMs: 61_000, interrupted: false }

/** A stream that keeps what is written to it; as a terminal, or not. */
function openOutput(isTTY: boolean) {
  const stream = new PassThrough()
  const output = Object.assign(stream, { isTTY, columns: 60 }) as unknown as NodeJS.WriteStream
  return { output, text: () => String(stream.read() ?? '') }
}

describe('a re-check in the eyes of a person', () => {
  test('is a line for what was found and one every half minute where there is no terminal', () => {
    vi.useFakeTimers({ now: 0 })
    try {
      const { output, text } = openOutput(false)
      const view = openTextView(output, '/backups')
      view.onStart(totals)
      expect(text()).toBe('120 of 400 archives are due for a check (4.0 MB)\n')
      view.onArchive('project-6/1.zip', totals)
      expect(text()).toBe('')
      vi.setSystemTime(31_000)
      view.onArchive('project-6/2.zip', totals)
      view.onArchive('project-6/3.zip', totals)
      expect(text()).toBe('30 of 120 archives, 1.0 MB of 4.0 MB, 1 DAMAGED, 31 s\n')
    } finally {
      vi.useRealTimers()
    }
  })

  test('is a bar on a terminal, no wider than it, and gone at the end', () => {
    const { output, text } = openOutput(true)
    const view = openTextView(output, '/backups')
    view.onStart(totals)
    view.onArchive('project-6/1.zip', totals)
    const bar = text().split('\n').at(-1)!
    expect(bar).toContain('[######..................] 30 of 120 archives')
    expect(stripVTControlCharacters(bar).length).toBeLessThan(60)
    view.end(totals, end)
    const [cleared, last] = text().split('archives checked')
    expect(cleared).toContain('\u001b[2K')
    expect(last).toContain('29 intact, 1 DAMAGED')
  })

  test('names everything that was found when it is met, and says at the end what it was', () => {
    const { output, text } = openOutput(false)
    const view = openTextView(output, '/backups')
    for (let index = 0; index < 60; index++) view.onFinding(finding(index))
    const met = text()
    for (let index = 0; index < 60; index++) expect(met).toContain(`DAMAGED project-6/${index}.zip\n`)
    view.end({ ...totals, damaged: 60 }, { ...end, interrupted: true })
    const summary = text()
    expect(summary).toContain('Interrupted: 30 archives checked (1.0 MB) in 1 min 01 s: 29 intact, 60 DAMAGED\n')
    expect(summary).toContain('  DAMAGED project-6/49.zip: its SHA-256 differs\n')
    expect(summary).not.toContain('project-6/50.zip')
    expect(summary).toContain('… and 10 more, named above')
  })
})

test('a re-check that was interrupted before it knew what there is does not say that there is nothing', () => {
  const nothing = Object.fromEntries(Object.keys(totals).map((key) => [key, 0])) as unknown as VerifyTotals
  const describeEnd = (how: Partial<VerifyEnd>) => {
    const { output, text } = openOutput(false)
    openTextView(output, '/backups').end(nothing, { ...end, ...how })
    return text()
  }
  expect(describeEnd({})).toBe('There are no archives in /backups\n')
  expect(describeEnd({ interrupted: true })).toMatch(/^Interrupted: 0 archives checked/)
  expect(describeEnd({ error: 'the mount is gone' })).toMatch(/^0 archives checked/)
})

test('a re-check for programs is one object, whatever ends it', () => {
  const { output, text } = openOutput(true)
  const view = openJsonView(output, { level: 'whole' })
  view.onStart(totals)
  view.onArchive('project-6/1.zip', totals)
  view.onFinding(finding(1))
  view.onFinding(finding(2))
  view.end(totals, { ...end, error: 'the mount is gone' })
  expect(JSON.parse(text())).toEqual({
    level: 'whole',
    findings: [finding(1), finding(2)],
    ...totals,
    interrupted: false,
    durationSeconds: 61,
    error: 'the mount is gone',
  })
})
