// How much of an archive is believed: bounds that no backup of CVAT comes near, and that stop a zip made to do harm.

export interface ZipLimits {
  readonly maxMembers: number
  /** Inflated bytes per compressed byte; deflate itself ends at 1032. */
  readonly maxRatio: number
  /** Members that inflate to no more than this may have any ratio. */
  readonly freeInflatedBytes: number
  /** project.json and task.json are parsed whole up to this size. */
  readonly maxJsonBytes: number
  readonly maxManifestLineLength: number
}

export const defaultZipLimits: ZipLimits = {
  maxMembers: 5_000_000,
  maxRatio: 250,
  freeInflatedBytes: 16 * 1024 * 1024,
  maxJsonBytes: 64 * 1024 * 1024,
  maxManifestLineLength: 1024 * 1024,
}
