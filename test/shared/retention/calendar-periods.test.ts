import { describe, expect, test } from 'vitest'
import { openCalendar } from '#shared/retention/calendar-periods.ts'

const at = (timeZone: string, iso: string) => openCalendar(timeZone)(Date.parse(iso))

describe('a calendar', () => {
  test('reads a moment in its time zone', () => {
    expect(at('UTC', '2026-12-31T23:30:00.000Z')).toEqual({
      hour: '2026-12-31T23 0',
      day: '2026-12-31',
      week: '2026-W53',
      month: '2026-12',
      year: '2026',
    })
    expect(at('Europe/Berlin', '2026-12-31T23:30:00.000Z')).toMatchObject({ day: '2027-01-01', year: '2027' })
    expect(at('America/Los_Angeles', '2027-01-01T07:59:59.999Z')).toMatchObject({ day: '2026-12-31', month: '2026-12' })
  })

  test.each([
    ['2021-01-03', '2020-W53'],
    ['2021-01-04', '2021-W01'],
    ['2024-12-29', '2024-W52'],
    ['2024-12-30', '2025-W01'],
    ['2026-01-01', '2026-W01'],
    ['2027-01-03', '2026-W53'],
    ['2027-01-04', '2027-W01'],
  ])('counts weeks as ISO 8601 does: %s is in %s', (day, week) => {
    expect(at('UTC', `${day}T12:00:00Z`).week).toBe(week)
  })

  test('tells the two hours apart that have one name when clocks are set back', () => {
    const [summer, winter] = ['2026-10-25T00:30:00Z', '2026-10-25T01:30:00Z'].map((iso) => at('Europe/Berlin', iso))
    expect(summer!.hour).toBe('2026-10-25T02 120')
    expect(winter!.hour).toBe('2026-10-25T02 60')
    expect(summer!.day).toBe(winter!.day)
  })

  test('has no hour that clocks leap over', () => {
    const [before, after] = ['2026-03-29T00:59:59Z', '2026-03-29T01:00:00Z'].map((iso) => at('Europe/Berlin', iso).hour)
    expect([before, after]).toEqual(['2026-03-29T01 60', '2026-03-29T03 120'])
  })

  test('knows zones that are off by half an hour, and a day that never was', () => {
    expect(at('Asia/Kathmandu', '2026-11-22T18:20:00Z').hour).toBe('2026-11-23T00 345')
    const samoa = ['2011-12-30T09:59:59Z', '2011-12-30T10:00:00Z'].map((iso) => at('Pacific/Apia', iso).day)
    expect(samoa).toEqual(['2011-12-29', '2011-12-31'])
  })

  test('is refused for a zone that is not known', () => {
    expect(() => openCalendar('Mars/Olympus')).toThrow(RangeError)
  })
})
