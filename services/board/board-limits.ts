// How long sessions last and how many wrong logins are looked at.

export interface BoardLimits {
  /** A session ends after so long without any request… */
  readonly sessionIdleMs: number
  /** …and after so long in any case. */
  readonly sessionMs: number
  /** Wrong logins from one address within the window; after that none is looked at. */
  readonly wrongLogins: number
  readonly loginWindowMs: number
}

/** OWASP's session management cheat sheet: idle 15–30 min for low-risk applications, absolute a working day. */
export const defaultLimits: BoardLimits = {
  sessionIdleMs: 30 * 60_000,
  sessionMs: 12 * 3600_000,
  wrongLogins: 10,
  loginWindowMs: 15 * 60_000,
}
