import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/choose-redis.ts'],
    exclude: ['test/live/**'],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // Many tests wait for processes and disks: on two cores, two at a time.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    coverage: {
      provider: 'v8',
      include: ['services/**', 'shared/**', 'cli/**'],
      reporter: ['text-summary', 'json-summary'],
    },
  },
})
