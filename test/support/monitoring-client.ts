// Asks a monitoring port as an orchestrator and Prometheus do.

export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export async function ask(port: number, path: string, method = 'GET') {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, signal: AbortSignal.timeout(15_000) })
  return { status: response.status, text: await response.text(), headers: response.headers }
}

export async function askReadiness(port: number, path = '/readyz') {
  const { status, text } = await ask(port, path)
  return {
    code: status,
    ...(JSON.parse(text) as { status: string; checks: Record<string, { ok: boolean; reason?: string }> }),
  }
}

/** The samples of Prometheus' text format. */
export function parseMetrics(text: string): Sample[] {
  return text.split('\n').flatMap((line) => {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line)
    if (!match) return []
    const labels = [...(match[2] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, value]) => [key, value])
    return [{ name: match[1]!, labels: Object.fromEntries(labels) as Record<string, string>, value: Number(match[3]) }]
  })
}

/** The value of the one sample that has the name and at least these labels; undefined for none. */
export function sampleOf(
  text: string,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const found = parseMetrics(text).filter(
    (sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
  )
  if (found.length > 1) throw new Error(`${found.length} samples of ${name} ${JSON.stringify(labels)}`)
  return found[0]?.value
}
