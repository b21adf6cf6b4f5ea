// Settings of the scheduled re-check of stored archives.

import { defineGroup, type Settings } from '#shared/config/setting.ts'
import { wholeNumber } from '#shared/config/value-schemas.ts'

const settings = {
  verifyPasses: {
    name: 'CVAT_BACKUP_VERIFY_PASSES',
    schema: wholeNumber({ min: 1, max: 10_000 }),
    default: '30',
    description:
      'In how many passes of `verify` in the schedule every stored archive is read again. Each pass reads that part of all bytes, the longest unchecked archives first: with one pass a night, 30 means once a month.',
  },
} as const satisfies Settings

export const verificationSettings = defineGroup({ title: 'Verification', settings })
