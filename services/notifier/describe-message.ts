// A message as text: for e-mail, Slack, Discord and the terminal.

import type { Trouble } from './alarm.ts'
import type { Change, Message, Summary } from './message.ts'

/** Subject or headline. */
export function titleOf(changes: readonly Change[]): string {
  const worse = changes.filter(({ change }) => change !== 'cleared')
  const shown = worse.length > 0 ? worse : changes
  const [first] = shown
  if (!first) return 'Nothing has changed'
  const more = shown.length > 1 ? ` (and ${shown.length - 1} more)` : ''
  return worse.length > 0 ? `ALARM: ${first.alarm.title}${more}` : `Well again: ${first.alarm.title}${more}`
}

export function describeMessage(message: Message): string {
  const { changes, open, summary } = message
  const told = new Set(changes.map(({ alarm }) => alarm.key))
  const rest = open.filter(({ alarm }) => !told.has(alarm.key))
  const blocks = [
    ...changes.map(describeChange),
    ...(summary ? [describeSummary(summary)] : []),
    ...(rest.length > 0
      ? [
          [
            summary ? 'Wrong at the moment:' : 'Still wrong:',
            ...rest.map(({ alarm, since }) => `  ${alarm.title}, since ${since}`),
          ].join('\n'),
        ]
      : []),
    ...(summary && open.length === 0 ? ['Nothing is wrong.'] : []),
    ...(message.type === 'test' ? ['This is a test: messages come through.'] : []),
  ]
  return `${blocks.join('\n\n')}\n\n${message.server}, ${message.at}\n`
}

function describeChange({ change, alarm, since }: Change): string {
  if (change === 'cleared') return `WELL AGAIN  ${alarm.title} (since ${since})`
  const head = change === 'more' ? 'MORE  ' : 'ALARM  '
  return [`${head}${alarm.title}`, ...describeTrouble(alarm).map((line) => `  ${line}`)].join('\n')
}

/** What there is to say besides the title, line by line. */
export function describeTrouble({ text, failures, entities, count }: Trouble): string[] {
  const codes = Object.entries(failures).sort(([, a], [, b]) => b - a)
  const more = (count ?? entities.length) - entities.length
  return [
    ...(text === '' ? [] : [text]),
    ...(codes.length === 0 ? [] : [codes.map(([code, number]) => `${number} ${code}`).join(', ')]),
    ...entities.map(({ entity, name, content, reason }) => {
      const what = content === 'backup' ? entity : `${entity} (${content})`
      return `${what} "${name}"${reason === '' ? '' : `: ${reason}`}`
    }),
    ...(entities.length > 0 && more > 0 ? [`and ${more} more`] : []),
  ]
}

function describeSummary({ entities, runs, freeBytes, lastVerification, lastDrill }: Summary): string {
  const kinds = Object.entries(entities).map(([kind, counts]) => {
    const all = Object.values(counts).reduce((sum, number) => sum + number, 0)
    const rest = Object.entries(counts).filter(([state, number]) => state !== 'protected' && number > 0)
    const others = rest.map(([state, number]) => `, ${number} ${state}`).join('')
    return `${kind}: ${counts.protected ?? 0} of ${all} protected${others}`
  })
  return [
    ...(kinds.length === 0 ? ['Nothing is known yet: no run has listed the server.'] : kinds),
    ...runs.map(
      ({ mode, endedAt, ok, done, failed }) =>
        `last run of mode ${mode}: ${endedAt}, ${done} backed up, ${ok ? 'nothing failed' : `${failed} failed`}`,
    ),
    ...(lastVerification === null ? [] : [`last verification: ${lastVerification}`]),
    ...(lastDrill === null ? [] : [`last drill: ${lastDrill.endedAt}, ${lastDrill.ok ? 'good' : 'NOT GOOD'}`]),
    ...(freeBytes === null ? [] : [`free in the backup directory: ${(freeBytes / 1e9).toFixed(1)} GB`]),
  ].join('\n')
}
