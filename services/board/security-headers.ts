// Headers that keep the board's pages to themselves.

import type { RequestHandler } from 'express'
import helmet from 'helmet'

/** Everything comes from our own origin, as a file: nothing is inline, neither scripts nor styles. */
const strict = {
  defaultSrc: ["'none'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'"],
  connectSrc: ["'self'"],
  baseUri: ["'none'"],
  formAction: ["'self'"],
  frameAncestors: ["'none'"],
}

export function securityHeaders({ isSecure }: { isSecure: boolean }): RequestHandler {
  return helmet({
    contentSecurityPolicy: { useDefaults: false, directives: strict },
    // Meant for pages that are reached over TLS.
    strictTransportSecurity: isSecure ? { maxAge: 180 * 24 * 3600, includeSubDomains: false } : false,
    // Browsers ignore it, with a complaint, on addresses without TLS.
    crossOriginOpenerPolicy: isSecure,
    originAgentCluster: isSecure,
    xFrameOptions: { action: 'deny' },
    // The link to CVAT tells CVAT nothing.
    referrerPolicy: { policy: 'no-referrer' },
  })
}

/** Bull Board's pages put styles into their own elements, have a base, and show small images as `data:`. */
export const queuesPolicy: RequestHandler = helmet.contentSecurityPolicy({
  useDefaults: false,
  directives: {
    ...strict,
    styleSrc: ["'self'", "'unsafe-inline'"],
    imgSrc: ["'self'", 'data:'],
    fontSrc: ["'self'"],
    baseUri: ["'self'"],
  },
})
