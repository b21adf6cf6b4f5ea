// The sidecar: everything in one container, killed in the middle of a run.

import { describe, expect, inject, test } from 'vitest'
import type { RunSummary } from '#shared/coordination/summarise-run.ts'
import { openStore } from '#shared/store/open-store.ts'
import { waitFor } from '../support/wait-for.ts'
import { LIST_PROCESSES, login, makeFolder, says, start, startSurroundings } from './containers.ts'
import { CONTAINER_UID, docker, inspectContainer, runInside } from './docker.ts'
import { countArchives, demoEntities, examineStore, nothingWrong } from './examine-store.ts'

const images = inject('images')

describe.skipIf(images.missing !== undefined)('the sidecar', () => {
  test.each(['4g', '512m'])(
    'backs up all by itself in %s, and loses nothing when it is killed and restarted',
    async (memory) => {
      const directory = await makeFolder()
      const stateDir = await makeFolder()
      const { network } = await startSurroundings({ exportMs: 1500 })
      const container = await start([
        `--network=${network}`,
        `--memory=${memory}`,
        `--volume=${directory}:/cvat-backups`,
        `--volume=${stateDir}:/var/lib/cvat-backups`,
        '--env=CVAT_BACKUP_PARALLEL_EXPORTS=4',
        // No run of the schedule's own may come in between.
        '--env=CVAT_BACKUP_SCHEDULE_FILE=/dev/null',
        ...login,
        images.sidecar,
      ])
      await says(container, 'all services are ready')
      const first = docker(['exec', container, 'cvat-backups', 'backup', '--mode', 'p', '--json'], { mayFail: true })
      await waitFor('the run to be in its middle', async () => (await countArchives(directory)) >= 4, {
        timeoutMs: 120_000,
      })
      await docker(['kill', '--signal=KILL', container])
      await first
      await docker(['start', container])
      await waitFor(
        'it to be ready again',
        async () => {
          const { stdout } = await docker(['logs', container])
          return stdout.split('all services are ready').length > 2
        },
        { timeoutMs: 120_000, everyMs: 500 },
      )
      const { stdout } = await docker(['exec', container, 'cvat-backups', 'backup', '--mode', 'p', '--json'], {
        timeoutMs: 300_000,
      })
      expect(JSON.parse(stdout) as RunSummary).toMatchObject({ ok: true, failed: 0 })
      const store = openStore({ directory })
      expect(await examineStore(store, { uid: CONTAINER_UID })).toMatchObject({
        ...nothingWrong,
        archives: demoEntities().length,
      })
      expect(await runInside(container, LIST_PROCESSES)).not.toContain(' Z')
      await docker(['stop', '--time=20', container])
      expect((await inspectContainer(container)).State).toMatchObject({ ExitCode: 0, OOMKilled: false })
    },
  )
})
