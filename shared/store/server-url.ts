// The server's identity in records: two addresses of one CVAT written differently must not become two servers.

/** Origin and base path, without credentials, query, fragment and closing slash: `https://cvat.example.org/base`. */
export function normaliseServerUrl(url: string): string {
  const { protocol, host, pathname } = new URL(url)
  return `${protocol}//${host}${pathname.replaceAll(/\/{2,}/g, '/').replace(/\/$/, '')}`
}
