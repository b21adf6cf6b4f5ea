import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/live/**'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
    // Real processes, sockets and clocks on machines that CI shares: once may be chance, twice is a failure. Both are shown.
    retry: process.env.CI ? 1 : 0,
    coverage: {
      provider: 'v8',
      include: ['services/**', 'shared/**', 'cli/**'],
      reporter: ['text-summary', 'json-summary'],
    },
  },
})
