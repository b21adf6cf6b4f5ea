// Recordings that the simulator cannot answer yet, each with the reason. Every other recording is replayed.

interface Gap {
  readonly reason: string
  readonly names: readonly string[]
}

const gaps: readonly Gap[] = [
  { reason: 'the OpenAPI schema is not served: no backup needs it', names: ['n4_schema_head'] },
  {
    reason: 'restoring from an archive (TUS and multipart uploads) is not simulated',
    names: [
      'g2a_start',
      'g2b_create',
      'g2c_patch1',
      'g2d_head',
      'g2e_patch_wrong_offset',
      'g2f_patch2',
      'g2g_finish',
      'g2h_rq',
      'g3_multipart',
      'g3b_rq',
      'g4_multipart_truncated',
      'g4b_rq',
    ],
  },
  {
    reason: 'importing annotations is not simulated',
    names: [
      'r_10_other_task_same_count',
      'r_10b_request',
      'r_1_import_multipart',
      'r_1b_request',
      'r_2_import_xml',
      'r_2b_request',
      'r_3a_tus_start',
      'r_3b_tus_create',
      'r_3c_tus_patch',
      'r_3d_tus_finish',
      'r_3e_request',
      'r_4_import',
      'r_4b_import_while_running',
      'r_5_all_frames_unknown',
      'r_5_all_frames_unknown_request',
      'r_5_attr_unknown',
      'r_5_attr_unknown_request',
      'r_5_empty_doc',
      'r_5_empty_doc_request',
      'r_5_export_name',
      'r_5_frame_name_unknown',
      'r_5_frame_name_unknown_request',
      'r_5_ids_beyond',
      'r_5_ids_beyond_request',
      'r_5_label_unknown',
      'r_5_label_unknown_request',
      'r_5_not_zip',
      'r_5_not_zip_request',
      'r_5_truncated_zip',
      'r_5_truncated_zip_request',
      'r_5_unknown_format',
      'r_5_zip_without_xml',
      'r_5_zip_without_xml_request',
      'r_6_other_task',
      'r_6b_request',
      'r_7_job_import',
      'r_7b_request',
      'r_8_project_dataset_multipart',
      'r_8b_request',
      'r_8c_project_dataset_slash',
      'r_8d_project_annotations_only',
      'r_8e_request',
      'r_8f_tus_start',
      'r_8g_tus_create',
      'r_8h_tus_patch',
      'r_8i_tus_finish',
      'r_8j_request',
      'r_9_import_cvat_video_format',
      'r_9b_request',
    ],
  },
]

/** By the recording's name. */
export const reasonsNotToReplay: ReadonlyMap<string, string> = new Map(
  gaps.flatMap(({ reason, names }) => names.map((name) => [name, reason] as const)),
)
