// Headers that keep the board's pages to themselves.

import type { RequestHandler } from 'express'
import helmet from 'helmet'

/**
 * Everything comes from our own origin and no script is inline. Bull Board's pages put styles into their own elements, and
 * show small images as `data:`; that is all that is allowed besides.
 */
export function securityHeaders({ isSecure }: { isSecure: boolean }): RequestHandler {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", 'data:'],
        fontSrc: ["'self'"],
        connectSrc: ["'self'"],
        baseUri: ["'self'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
    },
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

/** Our own pages set no styles in their elements, and come with nothing but files. */
export const strictPolicy: RequestHandler = helmet.contentSecurityPolicy({
  useDefaults: false,
  directives: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'"],
    connectSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'self'"],
    frameAncestors: ["'none'"],
  },
})
