// A port for a process of its own.

import { createServer } from 'node:net'

/** Nobody listens on it now; somebody else may take it before it is used, which has not been seen. */
export async function findFreePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
