import { defineConfig } from 'vitest/config'

// The images and the compose stack, on a Docker daemon: `npm run test:stack`. One file at a time, as each keeps the machine
// busy. Images are built once, in the global set-up.
export default defineConfig({
  test: {
    include: ['test/stack/*.stack.ts'],
    globalSetup: ['test/stack/build-images.ts'],
    fileParallelism: false,
    testTimeout: 600_000,
    hookTimeout: 300_000,
    // Tells why nothing was started, when there is no Docker.
    reporters: ['verbose'],
  },
})
