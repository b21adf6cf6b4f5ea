// What becomes of each archive of test/fixtures/archives when it is restored and backed up again: measured on a real
// CVAT 2.64.1 (test/fixtures/archives/kinds/README.md has a line on each).

export interface Verdict {
  /** Why the import fails; nothing is on the server then. */
  readonly fails?: string
  /** Values of JSON members that are others afterwards: `task.json jobs.0.status`. */
  readonly changed?: readonly string[]
  /** Members that are missing afterwards. */
  readonly lost?: readonly string[]
}

const noItem = (name: string) => `KeyError: "There is no item named '${name}' in the archive"\n`
const noCache =
  'rest_framework.exceptions.ValidationError: [ErrorDetail(string="It isn\'t supported to import the task that was ' +
  "created without cache but with random/predefined sorting\", code='invalid')]\n"
/** A share is left behind: the task's files are local, its frames counted from 0, and task.json says so. */
const fromShare: Verdict = { changed: ['task.json data.start_frame', 'task.json data.stop_frame'] }

/** Archives that are not named here come back member by member as they were. */
export const verdicts: Readonly<Record<string, Verdict>> = {
  project_annotations_cvat_for_images: { fails: noItem('task.json') },
  project_dataset_cvat_for_images: { fails: noItem('task.json') },
  project_backup_incomplete_task_0_has_no_data: { fails: 'ValueError: No media data found\n' },
  task_backup: { changed: ['task.json status', 'task.json jobs.0.status'] },
  'kinds/composed_project_by_hand': { changed: ['task_0/task.json jobs.0.status'] },
  'kinds/composed_project_cvats_own': { changed: ['task_0/task.json jobs.0.status'] },
  'kinds/composed_task_0': { changed: ['task.json jobs.0.status'] },
  'kinds/gt_at_creation': { changed: ['task.json jobs.3.status'] },
  'kinds/guide_two_assets_same_name': { lost: ['assets/pic.png'] },
  'kinds/jobs_overlap_states_deleted_issue': {
    changed: ['task.json jobs.0.status', 'task.json jobs.1.status'],
  },
  'kinds/label_name_equals_skeleton_plus_sublabel': { fails: "KeyError: 'vis'\n" },
  'kinds/share_dir_nested_nocopy': fromShare,
  'kinds/share_file_changed_before_export': fromShare,
  'kinds/share_honeypots_nocopy': fromShare,
  'kinds/share_images_nocopy': fromShare,
  'kinds/share_random_nocopy': fromShare,
  'kinds/share_related_2d_nocopy': fromShare,
  'kinds/share_step2_deleted_nocopy': fromShare,
  'kinds/share_step2_gt_later_nocopy': fromShare,
  'kinds/static_share_random_nocopy': fromShare,
  'kinds/task_guide_empty_markdown': { lost: ['annotation_guide.md'] },
  'kinds/video_zipchunks_cache': { changed: ['task.json data.chunk_type'] },
}

/** Archives that a server whose import workers allow the static cache refuses; with others it does as with {@link verdicts}. */
export const refusedWithStaticCache: Readonly<Record<string, Verdict>> = Object.fromEntries(
  [
    'kinds/static_img_predefined_nocache',
    'kinds/static_img_random_nocache',
    'kinds/static_project_with_one_random_nocache_task',
    'kinds/static_share_random_nocopy',
    'kinds/static_zip_random_nocache',
  ].map((name) => [name, { fails: noCache }]),
)
