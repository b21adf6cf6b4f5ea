// Whether a Docker daemon answers.

import { execFile } from 'node:child_process'

/** Cheap where there is none, and asked once for all tests. */
export function findDocker(): Promise<boolean> {
  return new Promise((resolve) => {
    execFile('docker', ['version', '--format', '{{.Server.Version}}'], { timeout: 10_000 }, (error, stdout) => {
      resolve(!error && stdout.trim() !== '')
    })
  })
}
