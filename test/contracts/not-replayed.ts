// Recordings that the simulator cannot answer yet, each with the reason. Every other recording is replayed.

interface Gap {
  readonly reason: string
  readonly names: readonly string[]
}

const gaps: readonly Gap[] = [
  { reason: 'the OpenAPI schema is not served: no backup needs it', names: ['n4_schema_head'] },
]

/** By the recording's name. */
export const reasonsNotToReplay: ReadonlyMap<string, string> = new Map(
  gaps.flatMap(({ reason, names }) => names.map((name) => [name, reason] as const)),
)
