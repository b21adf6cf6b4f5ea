// Where the time of a profile went, the twenty functions that took most: `node bench/print-profile.ts FILE.cpuprofile`.
// `npm run bench -- --only NAME --profile FOLDER` writes one for each start of the product.

import { readFile } from 'node:fs/promises'

interface Profile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  }[]
  readonly samples: readonly number[]
  /** Microseconds. */
  readonly timeDeltas: readonly number[]
}

const SHOWN = 20
const file = process.argv[2]
if (file === undefined) throw new Error('Name a file: node bench/print-profile.ts FILE.cpuprofile')
const { nodes, samples, timeDeltas } = JSON.parse(await readFile(file, 'utf8')) as Profile
const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]))
const times = new Map<string, number>()
for (const [index, id] of samples.entries()) {
  const name = names.get(id) ?? ''
  times.set(name, (times.get(name) ?? 0) + timeDeltas[index]!)
}
const total = timeDeltas.reduce((sum, us) => sum + us, 0)
const longest = [...times].sort((a, b) => b[1] - a[1]).slice(0, SHOWN)
const rows = longest.map(
  ([name, us]) => `| ${name} | ${(us / 1000).toFixed(0)} | ${((us / total) * 100).toFixed(1)} % |`,
)
process.stdout.write(`${['| function, itself | ms | share |', '|---|---|---|', ...rows].join('\n')}\n`)

function nameOf({ functionName, url, lineNumber }: Profile['nodes'][number]['callFrame']): string {
  const place = url === '' ? 'native' : `${url.replace(/^.*\/(?=(?:[^/]+\/){1,2}[^/]+$)/, '')}:${lineNumber + 1}`
  return `\`${functionName || 'anonymous'}\` ${place}`
}
