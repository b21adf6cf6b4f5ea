// What CVAT will not restore, or restores with a loss, is told on the day of the backup: by the summary, on the record and by
// `show`. Each kind is an archive of a real CVAT, restored to the simulated server and backed up from there by all services.

import { readFileSync } from 'node:fs'
import { expect, it, onTestFinished } from 'vitest'
import type { EntityRef } from '#shared/model/entity.ts'
import { formatEntity } from '#shared/model/entity.ts'
import { describeSummary } from '../../cli/view/describe-summary.ts'
import { runCommand } from '../cli/run-command.ts'
import { restore } from '../simulator/restore/upload-client.ts'
import { startSimulator } from '../simulator/simulator.ts'
import { createWorld } from '../simulator/test-world.ts'
import type { World } from '../simulator/world.ts'
import { expectNoLeaks } from '../support/expect-no-leaks.ts'
import { useRedis } from '../support/redis-server.ts'
import { login } from '../support/small-world.ts'
import { startStack } from '../support/start-stack.ts'

const redis = useRedis()
expectNoLeaks()

interface Kind {
  readonly what: string
  readonly archive: string
  readonly type?: EntityRef['type']
  /** What is not in the archive, since CVAT refused it then. */
  readonly change?: (world: World, id: number) => void
  /** Undefined: nothing is to be told. */
  readonly warning?: readonly [code: string, told: string]
}

const noCache = (order: string) =>
  [
    'needs-no-static-cache',
    `restorable only where CVAT_ALLOW_STATIC_CACHE is "no": made without cache and in ${order} order. docs/backup-format.md`,
  ] as const

const kinds: readonly Kind[] = [
  { what: 'random order without cache', archive: 'static_img_random_nocache', warning: noCache('random') },
  { what: 'predefined order without cache', archive: 'static_img_predefined_nocache', warning: noCache('predefined') },
  { what: 'of a share, random, without cache', archive: 'static_share_random_nocopy', warning: noCache('random') },
  {
    ...{ what: 'one such task in a project', archive: 'static_project_with_one_random_nocache_task', type: 'project' },
    warning: noCache('random'),
  },
  { what: 'the same with custom segments: honeypots', archive: 'static_honeypots_nocache' },
  { what: 'the same with custom segments: a file mapping', archive: 'static_job_file_mapping_nocache' },
  {
    what: 'a label named like a skeleton and its part together',
    archive: 'annotations_all_kinds_skeleton',
    change: collideLabels,
    warning: ['label-name-collides', 'is named like a skeleton and its part together'],
  },
  {
    what: 'two pictures of one name in the guide',
    archive: 'img_natural_cache',
    change: drawTwice,
    warning: ['duplicate-member', 'Members with different content share the name "assets/pic.png"'],
  },
  {
    what: 'context images that stay on a share',
    archive: 'share_related_2d_nocopy',
    warning: ['context-images-missing', 'context images, which lie on a share: CVAT backs none of these up'],
  },
  {
    ...{ what: 'a task without data', archive: 'composed_project_cvats_own', type: 'project' },
    change: (world, projectId) => void world.addTask({ projectId, name: 'planned', hasData: false }),
    warning: ['tasks-without-data', 'CVAT leaves tasks without data out of its backups'],
  },
]

it('what stands in the way of a restore is told by the summary, on the record and by show', {
  timeout: 180_000,
}, async () => {
  const world = createWorld()
  const capacity = { exportMs: 1, importMs: 1, basicCostMs: 0, anonymousPerMinute: 10_000 }
  const simulator = await startSimulator({ world, capacity })
  onTestFinished(() => simulator.close())
  const made: [Kind, EntityRef][] = []
  for (const kind of kinds) {
    const { archive, type = 'task', change } = kind
    const bytes = readFileSync(new URL(`../fixtures/archives/kinds/${archive}.zip`, import.meta.url))
    const { status, message, result_id: id } = await restore(simulator, type, bytes)
    expect({ archive, status, message }).toMatchObject({ status: 'finished' })
    change?.(world, id!)
    made.push([kind, { type, id: id! }])
  }
  // From here on by the login that the services have.
  for (const user of world.users.values()) if (user.username === login.username) user.password = login.password
  const stack = await startStack(redis, { simulator })
  const summary = await stack.backUp()
  expect(summary).toMatchObject({ ok: true, done: kinds.length, failed: 0 })
  const text = describeSummary(summary, stack.directory)
  for (const [{ what, warning }, entity] of made) {
    const [archive] = (await stack.store.listRecords(entity)).archives
    const { code, stdout } = await runCommand(stack.directory, 'show', formatEntity(entity))
    const note = text.split('\n').find((line) => line.includes(`NOTE ${formatEntity(entity)} `))
    const { level, warnings } = archive!.record.verification
    expect({ what, code, level }).toEqual({ what, code: 0, level: 'fresh' })
    if (!warning) {
      expect({ what, warnings, note }).toEqual({ what, warnings: [], note: undefined })
      expect({ what, stdout }).toEqual({ what, stdout: expect.not.stringContaining('warning') })
      continue
    }
    const [expected, told] = warning
    expect({ what, codes: [...new Set(warnings.map((one) => one.code))] }).toEqual({ what, codes: [expected] })
    expect({ what, message: warnings[0]!.message }).toEqual({ what, message: expect.stringContaining(told) })
    expect({ what, note }).toEqual({ what, note: expect.stringMatching(/before a restore, know this: /) })
    expect({ what, note }).toEqual({ what, note: expect.stringContaining(told) })
    expect({ what, stdout }).toEqual({ what, stdout: expect.stringContaining(`warning   ${expected}: `) })
    expect({ what, stdout }).toEqual({ what, stdout: expect.stringContaining(told) })
  }
})

/** Restored, one of them would be gone. */
function drawTwice(world: World, id: number): void {
  const guide = world.setGuide({ type: 'task', id }, '')
  const pictures = ['first', 'second'].map((content) => world.addAsset(guide.id, 'pic.png', Buffer.from(content)))
  world.setGuide({ type: 'task', id }, pictures.map(({ uuid }) => `![](/api/assets/${uuid})`).join(' '))
}

/** `posehead` beside a skeleton `pose` with a part `head`. */
function collideLabels(world: World, taskId: number): void {
  const labels = world.labelsOf(world.tasks.get(taskId)!)
  const skeleton = labels.find(({ type }) => type === 'skeleton')!
  const other = labels.find(({ type }) => type !== 'skeleton')!
  other.name = skeleton.name + skeleton.sublabels[0]!.name
}
