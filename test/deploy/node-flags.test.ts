// Wherever the product is started, Node.js gets the same flags: they are part of how much memory it takes.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { nodeFlags } from '../../bench/support/run-product.ts'

function read(file: string): string {
  return readFileSync(join(import.meta.dirname, '../..', file), 'utf8')
}

test('bin/cvat-backups, the images and the benchmarks start Node.js with the same flags', () => {
  const ofCommand = /^exec "\$node" (.*) "\$here\/cli\/main\.ts" "\$@"$/m.exec(read('bin/cvat-backups'))?.[1]
  const entryPoint = /^ENTRYPOINT (\[.*"\/app\/cli\/main\.ts"\])$/m.exec(read('Dockerfile'))?.[1] ?? '[]'
  const ofImage = (JSON.parse(entryPoint) as string[]).slice(3, -1)
  expect(ofCommand?.split(' ')).toEqual(ofImage)
  expect(nodeFlags).toEqual(ofImage)
})
