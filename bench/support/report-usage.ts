// Loaded into a process that is measured: at its end it writes what it has used, as the kernel counts it.

import { writeFileSync } from 'node:fs'

const file = process.env.BENCH_USAGE_FILE
delete process.env.BENCH_USAGE_FILE
process.once('exit', () => {
  if (file !== undefined) writeFileSync(file, JSON.stringify(process.resourceUsage()))
})
