// Runs the simulated CVAT server by itself: `node test/simulator/main.ts --port 8080 --seed demo`.
// Prints its address on one line when it is ready; ends on SIGTERM and SIGINT.

import { parseArgs } from 'node:util'
import { type BulkSeed, seedBulk, smallBulk } from './seed-bulk.ts'
import { seedDemo } from './seed-demo.ts'
import { startSimulator } from './simulator.ts'
import { World } from './world.ts'

const usage = `Usage: node test/simulator/main.ts [options]
  --port 8080                 0 takes any free port
  --host 127.0.0.1
  --base-path /cvat           serve CVAT below a path
  --seed demo                 25 lifelike projects, admin / demo-password
  --seed projects=253,tasks=40,orgs=3,tasksPerProject=1,frames=3,bytesPerFrame=1000
                              numbers instead, admin / admin-password
  --password TEXT             of the demo's users, in place of demo-password
  --workers 2                 exports that run at once
  --export-ms 400             what one export takes
  --import-ms 400             what one restore takes besides reading its file
  --static-cache              refuse what CVAT refuses where CVAT_ALLOW_STATIC_CACHE is yes
  --basic-cost-ms 250         what a call with Basic takes longer
  --bandwidth 50000000        bytes per second for all downloads together
`

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '8080' },
      host: { type: 'string', default: '127.0.0.1' },
      'base-path': { type: 'string', default: '' },
      seed: { type: 'string', default: 'demo' },
      password: { type: 'string' },
      workers: { type: 'string', default: '2' },
      'export-ms': { type: 'string', default: '400' },
      'import-ms': { type: 'string', default: '400' },
      'static-cache': { type: 'boolean', default: false },
      'basic-cost-ms': { type: 'string', default: '1' },
      bandwidth: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(usage)
    return
  }
  const world = new World()
  if (values.seed === 'demo') seedDemo(world, values.password)
  else seedBulk(world, parseBulk(values.seed))
  const simulator = await startSimulator({
    port: Number(values.port),
    host: values.host,
    basePath: values['base-path'],
    world,
    capacity: {
      exportWorkers: Number(values.workers),
      exportMs: Number(values['export-ms']),
      importMs: Number(values['import-ms']),
      allowStaticCache: values['static-cache'],
      basicCostMs: Number(values['basic-cost-ms']),
      bandwidthBytesPerSecond: values.bandwidth === undefined ? undefined : Number(values.bandwidth),
    },
  })
  process.stdout.write(`${simulator.url}\n`)
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      void simulator.close()
    })
  }
}

function parseBulk(text: string): Partial<BulkSeed> {
  const entries = text.split(',').map((part) => {
    const [name = '', value = ''] = part.split('=')
    if (!Object.hasOwn(smallBulk, name) || !/^\d+$/.test(value)) {
      throw new Error(`--seed does not know ${part}: it takes demo, or ${Object.keys(smallBulk).join('=N, ')}=N`)
    }
    return [name, Number(value)]
  })
  return Object.fromEntries(entries) as Partial<BulkSeed>
}

await main()
