// Recordings that the simulator cannot answer yet, each with the reason. The contract test refuses any other gap.

const restore = 'restoring from an archive (TUS and multipart uploads) is not simulated'
const annotationImport = 'importing annotations is not simulated'

export function reasonNotToReplay(name: string): string | undefined {
  if (name === 'n4_schema_head') return 'the OpenAPI schema is not served: no backup needs it'
  if (/^g\d/.test(name)) return restore
  if (name.startsWith('r_')) return annotationImport
  return undefined
}
