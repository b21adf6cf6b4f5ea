// Settings of the place where the archives are kept.

import { defineGroup, type Settings } from './setting.ts'
import { path } from './value-schemas.ts'

const settings = {
  backupDir: {
    name: 'CVAT_BACKUP_DIR',
    schema: path(),
    default: '/cvat-backups',
    description: 'Folder that holds the archives; mount the disk or share for them there.',
  },
} as const satisfies Settings

export const storeSettings = defineGroup({ title: 'Archives', settings })
