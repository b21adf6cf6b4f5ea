// What has to be true before a recording can be replayed, and the parameters that the recordings do not name.

import { troubledAnswers } from '../simulator/faults.ts'
import type { Simulator } from '../simulator/simulator.ts'
import { annotationImportSteps } from './annotation-import-steps.ts'
import {
  abandoned,
  abandonedAfterFailure,
  addProject20,
  addTaskWithoutData,
  after,
  afterWith,
  answering,
  ending,
  exported,
  hold,
  holdQueued,
  images,
  many,
  order,
  project,
  quietly,
  type Step,
  skipIds,
  task,
  throttled,
} from './preparations.ts'
import { addAcme } from './recorded-world.ts'
import { restoreSteps } from './restore-steps.ts'

/** What a preparation changes in the recorded call: headers that hold what only this run knows. */
/** Recordings that need nothing but the recorded world are not in here. */
export function listSteps(): Record<string, Step> {
  return {
    ...changeSteps(),
    ...exportSteps(),
    ...failureSteps(),
    ...listingSteps(),
    ...loginSteps(),
    ...organizationSteps(),
    ...restoreSteps(),
    ...annotationImportSteps(),
  }
}

function exportSteps(): Record<string, Step> {
  const queued = { prepare: holdQueued(project(6)) }
  const finished = { prepare: after(project(6)) }
  return {
    b2_export_again_queued: queued,
    b3_rq_queued: queued,
    b3b_download_unfinished: queued,
    b4_rq_started: { prepare: hold(project(6)) },
    b5_export_again_started: finished,
    b6_rq_finished: finished,
    b8_download: finished,
    b8b_range: finished,
    b8c_ifrange_etag: { prepare: afterWith(project(6), ({ etag }) => ({ 'If-Range': etag })) },
    b8d_ifrange_wrong: finished,
    b8e_ifrange_date: { prepare: afterWith(project(6), ({ lastModified }) => ({ 'If-Range': lastModified })) },
    b8f_range_eof: { prepare: afterWith(project(6), ({ size }) => ({ Range: `bytes=${size}-` })) },
    b8g_range_100_199: finished,
    b8h_head: finished,
    b8i_noauth: finished,
    b8j_bob: finished,
    b8k_bob_rq: finished,
    b8l_ifnonematch: { prepare: afterWith(project(6), ({ etag }) => ({ 'If-None-Match': etag })) },
    c1_export_unchanged: finished,
    c2_rq_finished: { prepare: after(project(6), project(6)) },
    c3_download_again: { prepare: after(project(6), project(6)) },
    c5_download_non_ascii: { prepare: after(project(2)) },
    c7_download13: { prepare: after(project(13)) },
    c8b_dl: { prepare: after(project(12)) },
    c8e_backup_after: { prepare: after(project(12)) },
    c8f_dl: { prepare: after(project(12)) },
    c8h_dl: { prepare: after(task(15)) },
    c9d_dl: { prepare: after(project(12)) },
    c9f_dl: { prepare: after(project(12)) },
    d3c_rq_unencoded: finished,
    d3e_download_mismatched_rq: finished,
    e1b_rq: { prepare: exported(project(8), 'annotations') },
    e1c_download: { prepare: exported(project(8), 'annotations') },
    e2b_rq: { prepare: exported(task(1), 'annotations') },
    e2c_download: { prepare: exported(task(1), 'annotations') },
    e2e_download: { prepare: exported(task(1), 'dataset') },
    e3b_rq: { prepare: after(project(5)) },
    e3c_download: { prepare: after(project(5)) },
    e4b_rq: { prepare: exported(project(5), 'annotations') },
    e4c_download: { prepare: exported(project(5), 'annotations') },
    e5b_rq: { prepare: exported(project(5), 'annotations', 'COCO 1.0') },
    e6b_download: {
      prepare: async (simulator) => {
        order(simulator, project(8), 'backup', null, 'my own.zip')
        await simulator.exports.whenIdle()
        return undefined
      },
    },
    f1b_cancel_by_bob: { prepare: holdQueued(project(3)) },
    f2_cancel: { prepare: holdQueued(project(3)) },
    f6_cancel_finished: { prepare: after(project(3)) },
    j1b_rq: { prepare: after(task(18)) },
    j1c_download: { prepare: after(task(18)) },
    k11_dl_gzip: { prepare: after(task(18)) },
    p1b_rq: {
      prepare: async (simulator) => {
        const admin = simulator.world.user(1)
        const where = { base: 'http://cvat.example.com', fileName: null }
        simulator.exports.post({ entity: task(18), kind: 'backup', format: null, ...where }, admin)
        await simulator.exports.whenIdle()
        return undefined
      },
    },
  }
}

function failureSteps(): Record<string, Step> {
  const noFile =
    "FileNotFoundError: [Errno 2] No such file or directory: '/home/django/data/tmp/export-project-oy0d2uym'\n"
  const failed = { prepare: ending(project(11), { kind: 'fail', message: noFile }) }
  const lostMedia: Step = {
    prepare: async (simulator) => {
      simulator.world.removeMedia(12)
      return await after(project(10))(simulator)
    },
  }
  const expired: Step = {
    prepare: async (simulator) => {
      await after(project(9))(simulator)
      simulator.exports.cache.remove(project(9))
      return undefined
    },
  }
  const withoutData: Step = {
    prepare: (simulator) => {
      addTaskWithoutData(simulator, null, 23)
      return undefined
    },
  }
  const deleted: Step = {
    prepare: async (simulator) => {
      await holdQueued(project(20), addProject20)(simulator)
      simulator.world.deleteProject(20)
      return undefined
    },
  }
  const forgotten: Step = {
    prepare: async (simulator) => {
      await after(project(6))(simulator)
      simulator.exports.forgetAll()
      return undefined
    },
  }
  return {
    d7b_rq_after_delete: expired,
    d7c_download_after_delete: expired,
    d7d_reexport: expired,
    d7e_download: { prepare: after(project(9)) },
    d8_failing_export: {},
    d8b_rq_failed: lostMedia,
    d8c_download_failed: lostMedia,
    d8d_repost_after_failure: lostMedia,
    d8e_repost_repaired: lostMedia,
    d8f_download_after_repair: lostMedia,
    d9_task_nodata: { prepare: skipIds(22) },
    d9b_backup_task_nodata: withoutData,
    d9c_dataset_task_nodata: withoutData,
    d9d_rq: {
      prepare: async (simulator) => {
        addTaskWithoutData(simulator, null, 23)
        return await exported(task(23), 'annotations')(simulator)
      },
    },
    d10b_rq_failed: failed,
    d10c_download_failed: failed,
    d10d_list_failed: {
      prepare: async (simulator) => {
        addTaskWithoutData(simulator, null, 23)
        await exported(task(23), 'annotations')(simulator)
        return await failed.prepare(simulator)
      },
    },
    d10e_repost: failed,
    l1_502: { prepare: answering(troubledAnswers.badGateway) },
    l1b_502_about: { prepare: answering(troubledAnswers.badGateway) },
    l2_opa_down: { prepare: answering(troubledAnswers.serverError) },
    l3a_rq_started: { prepare: hold(project(6)) },
    l3b_rq_after_horse_kill: { prepare: ending(project(6), { kind: 'kill-horse' }) },
    l3c_rq_after_kill: { prepare: ending(project(6), { kind: 'kill-worker' }) },
    l3d_repost: { prepare: ending(project(6), { kind: 'kill-worker' }) },
    l3e_cancel: { prepare: ending(project(6), { kind: 'kill-worker' }) },
    l3f_rq_final: { prepare: abandonedAfterFailure },
    l3g_repost_final: { prepare: abandonedAfterFailure },
    l4a_by_id_before_list: {
      prepare: async (simulator) => {
        await ending(project(6), { kind: 'kill-worker' })(simulator)
        simulator.world.clock.advance(115_000)
        return undefined
      },
    },
    l4b_by_id_after_list: { prepare: abandoned },
    l4c_repost: { prepare: abandoned },
    m1_throttled_about: { prepare: throttled },
    m1b_throttled_login: { prepare: throttled },
    m1c_basic_while_throttled: { prepare: throttled },
    m1d_badbasic_while_throttled: { prepare: throttled },
    p2_backup_nodata_task_in_project: { prepare: quietly(addProject20) },
    p2b_rq: { prepare: after(project(20), addProject20) },
    p2c_dl: { prepare: after(project(20), addProject20) },
    p2d_get: { prepare: quietly(addProject20) },
    p3_queue: { prepare: quietly(addProject20) },
    p3b_delete: { prepare: holdQueued(project(20), addProject20) },
    p3c_rq_queued: deleted,
    p3d_rq: {
      prepare: async (simulator) => {
        await deleted.prepare?.(simulator)
        simulator.exports.resume()
        await simulator.exports.whenIdle()
        return undefined
      },
    },
    p3e_dl: deleted,
    q1_rq_after_redis_loss: forgotten,
    q1b_download_after_redis_loss: forgotten,
  }
}

function changeSteps(): Record<string, Step> {
  const renamed = (simulator: Simulator) => simulator.world.renameTask(8, 'beta task renamed')
  const validating = (simulator: Simulator) => {
    renamed(simulator)
    simulator.world.setJobStage(8, 'validation')
  }
  const withIssue = (simulator: Simulator) => {
    simulator.world.addIssue(8, 'admin', 0, [1, 1, 5, 5])
  }
  return {
    c8d_job_stage: {},
    c9b_rename: {},
    c_assign_task: { prepare: quietly(validating) },
    c_comment: { prepare: quietly(withIssue) },
    c_delete_task: { prepare: quietly((simulator) => addTaskWithoutData(simulator, 7, 22)) },
    c_frame_restore: { prepare: quietly((simulator) => simulator.world.deleteFrame(8, 0)) },
    c_guide_patch: { prepare: quietly((simulator) => simulator.world.setGuide(project(7), '# guide')) },
    c_job_stage: { prepare: quietly(renamed) },
    c_job_state: { prepare: quietly(renamed) },
    c_new_task: { prepare: skipIds(21) },
    c_rename_project: { prepare: quietly((simulator) => simulator.world.setGuide(project(7), '# guide')) },
    c_resolve_issue: {
      prepare: quietly((simulator) => {
        withIssue(simulator)
        simulator.world.addComment(1)
      }),
    },
    c_unassign_task: {
      prepare: quietly((simulator) => {
        validating(simulator)
        simulator.world.assignTask(8, 'bob')
      }),
    },
  }
}

function listingSteps(): Record<string, Step> {
  const acme = { prepare: quietly((simulator: Simulator) => addAcme(simulator.world)) }
  const since = '2026-11-22T20:35:00Z'
  const filter = (rule: unknown) => ({ query: { filter: JSON.stringify(rule) } })
  const withAcme = [
    ...['k1_sort_id', 'k1b_sort_minus_id', 'k1c_sort_updated', 'k1d_sort_bad', 'k2_ps100', 'k2b_ps1000', 'k2c_ps10000'],
    ...['k2d_ps0', 'k2e_psneg', 'k5_deep_next', 'k10_gzip', 'n1_host_next', 'n1b_fwdproto_next', 'n1c_fwdhost_next'],
  ]
  return {
    ...Object.fromEntries(withAcme.map((name) => [name, acme])),
    b7_requests_list: {
      prepare: async (simulator) => {
        await many(simulator, 4)
        await exported(project(1), 'dataset')(simulator)
        return await after(project(6))(simulator)
      },
    },
    j3_tasks_noproject: filter({ '!': { var: 'project_id' } }),
    k3_filter_updated: { ...acme, ...filter({ '>=': [{ var: 'updated_date' }, since] }) },
    k3b_filter_gt: { ...acme, ...filter({ '>': [{ var: 'updated_date' }, since] }) },
    k3c_filter_between: { ...acme, ...filter({ '<=': [since, { var: 'updated_date' }, '2026-11-23T00:00:00Z'] }) },
    k3d_filter_bad: { query: { filter: '{"bad' } },
    k3e_filter_name: filter({ '==': [{ var: 'name' }, 'twins'] }),
    k3f_simple_name: { query: { name: 'twins' } },
    k3g_search: { query: { search: 'Röntgen' } },
    k3h_filter_id: filter({ in: [{ var: 'id' }, [1, 2, 5]] }),
    k4_requests_filter: {
      prepare: async (simulator) => {
        await many(simulator, 24)
        return await after(task(18))(simulator)
      },
    },
    n5_requests_paging: {
      prepare: async (simulator) => {
        await many(simulator, 30)
        return await abandonedAfterFailure(simulator)
      },
    },
  }
}

function loginSteps(): Record<string, Step> {
  const bearer = (readOnly: boolean, expiryDate: string | null = null): Step => ({
    prepare: ({ world }) => ({
      headers: { Authorization: `Bearer ${world.addAccessToken('admin', { readOnly, expiryDate }).value}` },
    }),
  })
  const unusable = (scheme: string, secret: (simulator: Simulator) => string): Step => ({
    prepare: (simulator) => ({ headers: { Authorization: `${scheme} ${secret(simulator)}` } }),
  })
  const loginKey = ({ world }: Simulator) => world.login(world.user(1))
  return {
    d2c_bad_token: unusable('Token', () => 'f'.repeat(40)),
    d2d_bad_bearer: unusable('Bearer', () => 'nonsense.nonsense'),
    h1b_token: unusable('Token', loginKey),
    h1d_bearer_with_token: unusable('Bearer', loginKey),
    h2b_pat_bearer: bearer(false),
    h2c_pat_as_token: unusable('Token', ({ world }) => world.addAccessToken('admin').value),
    h2d_pat_list: {
      prepare: ({ world }) => {
        world.addAccessToken('admin', { readOnly: false }).lastUsedDate = world.clock.tick()
        return undefined
      },
    },
    h2e_pat_export: bearer(false),
    h3_pat_ro_create: { prepare: quietly(({ world }) => world.addAccessToken('admin')) },
    h3b_ro_list: bearer(true),
    h3c_ro_export: bearer(true),
    h3d_ro_dataset: bearer(true),
    h3e_ro_requests: {
      prepare: async (simulator) => {
        await many(simulator, 28)
        simulator.faults.addExport({ entity: project(4), kind: 'annotations', fate: { kind: 'hold' } })
        order(simulator, project(4), 'annotations', images)
        return await bearer(true).prepare?.(simulator)
      },
    },
    h3f_ro_self: bearer(true),
    h3g_ro_create: bearer(true),
    h4_pat_expired: {
      prepare: quietly(({ world }) => {
        world.addAccessToken('admin')
        world.addAccessToken('admin')
      }),
    },
    h4b_pat_expired_use: bearer(true, '2020-01-01T00:00:00Z'),
  }
}

function organizationSteps(): Record<string, Step> {
  const acme = { prepare: quietly((simulator: Simulator) => addAcme(simulator.world)) }
  const exportedAcme: Step = {
    prepare: after(project(19), (simulator) => addAcme(simulator.world)),
  }
  const names = [
    ...['h7a_list_noheader', 'h7b_list_acme', 'h7c_list_empty_header', 'h7d_list_org_empty', 'h7e_list_org_acme'],
    ...['h7f_list_orgid', 'h7g_both', 'h7h_bob_acme', 'h7i_bob_none', 'h8_get_org_project_noheader'],
    ...['h8b_get_personal_with_acme', 'h8c_export_org_noheader', 'h9_orgs'],
  ]
  return {
    ...Object.fromEntries(names.map((name) => [name, acme])),
    h6b_org_project: {
      prepare: quietly((simulator) => {
        simulator.world.addOrganization({ slug: 'acme', name: 'Acme' })
        simulator.world.deleteProject(simulator.world.addProject({ id: 18, name: 'gone' }).id)
      }),
    },
    h8d_rq_org: exportedAcme,
    h8e_dl_other_org: exportedAcme,
  }
}
