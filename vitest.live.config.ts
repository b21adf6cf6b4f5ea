import { defineConfig } from 'vitest/config'

// Against a real CVAT named by CVAT_URL; changes nothing there.
export default defineConfig({
  test: {
    include: ['test/live/**/*.test.ts'],
    testTimeout: 180_000,
    hookTimeout: 60_000,
    // Tells why nothing was asked, when CVAT_URL is not set.
    reporters: ['verbose'],
  },
})
