// Settings of what a process tells about itself: health, readiness and metrics on a port of their own.

import { defineGroup, type Settings, type ValuesOf } from './setting.ts'
import { duration, line, wholeNumber } from './value-schemas.ts'

const settings = {
  port: {
    name: 'CVAT_BACKUP_MONITORING_PORT',
    schema: wholeNumber({ min: 1, max: 65_535 }),
    description:
      'Port of `/healthz`, `/readyz` and `/metrics`, which need no login. Each process needs one of its own.',
    example: '9464',
    whenUnset: 'no port is opened',
  },
  host: {
    name: 'CVAT_BACKUP_MONITORING_HOST',
    schema: line({ accepts: 'a host name or an IP address', pattern: /^[\w.:-]{1,255}$/ }),
    default: '127.0.0.1',
    description:
      'Address on which that port is opened; `0.0.0.0` for all of the machine, which only a trusted network should reach.',
  },
  entities: {
    name: 'CVAT_BACKUP_METRICS_ENTITIES',
    schema: wholeNumber({ min: 0, max: 10_000 }),
    default: '200',
    description:
      'For how many projects and tasks of each kind `/metrics` has rows of their own, the worst protected first. The numbers of all are always there; 0 leaves only these.',
  },
  lateAfterMs: {
    name: 'CVAT_BACKUP_LATE_AFTER_HOURS',
    schema: duration({ unitMs: 3_600_000, max: 1_000_000, zeroAllowed: false }),
    description: 'After which time a project or task counts as late that no run has found protected.',
    unit: 'hours',
    example: '48',
    whenUnset: 'after a whole interval of its mode in the schedule',
  },
} as const satisfies Settings

export const monitoringSettings = defineGroup({ title: 'Monitoring', settings })

export type MonitoringSettings = ValuesOf<typeof settings>
