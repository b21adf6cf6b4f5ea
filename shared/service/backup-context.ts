// The same job context with run and entity in every log line.

import { formatEntity } from '#shared/model/entity.ts'
import { formatContent } from '#shared/model/series.ts'
import type { Backup } from '#shared/queues/exports-queue.ts'
import type { JobContext } from './consume.ts'

export function withBackup<Payload>(context: JobContext<Payload>, backup: Backup): JobContext<Payload> {
  const { runId, series, name } = backup
  return {
    ...context,
    logger: context.logger.child({
      run: runId,
      entity: formatEntity(series.entity),
      content: formatContent(series.content),
      name,
    }),
  }
}
