// The health check of a container: asks /healthz of the process in it. Plain JavaScript and one module, as it starts
// every half minute. Exit codes: 0 healthy, 1 not.

import { readFileSync } from 'node:fs'
import { get } from 'node:http'

const LONG_RUNNING = [
  'scheduler',
  'exporter',
  'downloader',
  'sweeper',
  'restorer',
  'listener',
  'notifier',
  'board',
  'serve',
]
const WITHIN_MS = 8_000

// A container may run one command (`verify`) in place of a service: that has no health but its exit code.
const words = readFileSync('/proc/1/cmdline', 'utf8').split('\0')
if (!words.some((word) => LONG_RUNNING.includes(word))) process.exit(0)

const { CVAT_BACKUP_MONITORING_HOST: host, CVAT_BACKUP_MONITORING_PORT: port } = process.env
if (!port) {
  process.stdout.write('CVAT_BACKUP_MONITORING_PORT is not set: nothing to ask\n')
  process.exit(0)
}
const url = `http://${reachable(host)}:${port}/healthz`
get(url, { timeout: WITHIN_MS }, (answer) => {
  process.stdout.write(`${url}: ${answer.statusCode}\n`)
  process.exit(answer.statusCode === 200 ? 0 : 1)
})
  .on('timeout', function () {
    this.destroy(new Error(`no answer within ${WITHIN_MS} ms`))
  })
  .on('error', (error) => {
    process.stderr.write(`${url}: ${error.message}\n`)
    process.exit(1)
  })

/** Where to ask a process that listens on this address: one that stands for all is none to connect to. */
function reachable(address) {
  if (!address || address === '0.0.0.0' || address === '::') return '127.0.0.1'
  return address.includes(':') ? `[${address}]` : address
}
