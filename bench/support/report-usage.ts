// Loaded into a process that is measured: at its end it writes what it has used, as the kernel and V8 count it.

import { writeFileSync } from 'node:fs'
import type { MeasuredUsage } from './run-product.ts'

const LOOK_EVERY_MS = 50

const file = process.env.BENCH_USAGE_FILE
delete process.env.BENCH_USAGE_FILE
let peakHeapBytes = 0
let peakBufferBytes = 0
const look = () => {
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  peakHeapBytes = Math.max(peakHeapBytes, heapUsed)
  peakBufferBytes = Math.max(peakBufferBytes, arrayBuffers)
}
setInterval(look, LOOK_EVERY_MS).unref()
process.once('exit', () => {
  look()
  const usage: MeasuredUsage = { ...process.resourceUsage(), peakHeapBytes, peakBufferBytes }
  if (file !== undefined) writeFileSync(file, JSON.stringify(usage))
})
