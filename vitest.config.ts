import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/choose-redis.ts'],
    exclude: ['test/live/**'],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    pool: 'forks',
    coverage: {
      provider: 'v8',
      include: ['services/**', 'shared/**', 'cli/**'],
      reporter: ['text-summary', 'json-summary'],
    },
  },
})
