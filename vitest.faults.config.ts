import { defineConfig } from 'vitest/config'

// Faults at length: `npm run test:faults`. One file at a time, as each keeps several processes busy.
export default defineConfig({
  test: {
    include: ['test/faults/*.long.ts'],
    globalSetup: ['test/support/choose-redis.ts'],
    fileParallelism: false,
    reporters: ['verbose'],
  },
})
