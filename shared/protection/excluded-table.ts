// Which projects and tasks the filters leave out (CVAT_BACKUP_INCLUDE, CVAT_BACKUP_EXCLUDE), as runs have listed them. Apart
// from the protection table: what nobody wants protected is in none of its numbers. In Redis, like that: it may be lost.

import { z } from 'zod'
import { type EntityRef, formatEntity, parseEntity } from '#shared/model/entity.ts'
import type { QueueConnection } from '#shared/queues/open-queue.ts'
import type { Mode } from '#shared/queues/runs-queue.ts'

export interface ExcludedEntity {
  readonly entity: EntityRef
  readonly name: string
  /** Slug; null: personal. */
  readonly organization: string | null
  /** Address of the entity in CVAT's own pages. */
  readonly link: string
}

/** Every step may run twice. */
export interface ExcludedTable {
  /** Enters what one listing of a mode has seen and left out. */
  note(mode: Mode, listedAtMs: number, entities: readonly ExcludedEntity[]): Promise<void>
  /** The listing was whole: what it did not leave out any more goes. */
  endListing(mode: Mode, listedAtMs: number, signal: AbortSignal): Promise<void>
  /** Some hundred at a time, in no order; one that several modes leave out may come several times. */
  rows(): AsyncGenerator<ExcludedEntity>
}

const storedSchema = z.object({
  name: z.string(),
  organization: z.string().nullable(),
  link: z.string(),
  listedAtMs: z.number(),
})

/** A field is `p project-6`. */
export function openExcludedTable({ redis, prefix }: QueueConnection): ExcludedTable {
  const key = `${prefix}:excluded`

  async function* scan(): AsyncGenerator<[field: string, text: string][]> {
    let cursor = '0'
    do {
      const [next, flat] = await redis.hscan(key, cursor, 'COUNT', 500)
      cursor = next
      yield Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i]!, flat[2 * i + 1]!])
    } while (cursor !== '0')
  }

  return {
    async note(mode, listedAtMs, entities) {
      if (entities.length === 0) return
      const fields = entities.flatMap(({ entity, name, organization, link }) => [
        `${mode} ${formatEntity(entity)}`,
        JSON.stringify({ name, organization, link, listedAtMs }),
      ])
      await redis.hset(key, ...fields)
    },
    async endListing(mode, listedAtMs, signal) {
      for await (const batch of scan()) {
        signal.throwIfAborted()
        const gone = batch.filter(
          ([field, text]) => field.startsWith(`${mode} `) && !((parse(text)?.listedAtMs ?? 0) >= listedAtMs),
        )
        if (gone.length > 0) await redis.hdel(key, ...gone.map(([field]) => field))
      }
    },
    async *rows() {
      for await (const batch of scan()) {
        for (const [field, text] of batch) {
          const entity = parseEntity(field.slice(2))
          const stored = parse(text)
          if (!entity || !stored) continue
          const { name, organization, link } = stored
          yield { entity, name, organization, link }
        }
      }
    },
  }
}

/** Undefined for anything that this module has not written: Redis is not trusted. */
function parse(text: string): z.infer<typeof storedSchema> | undefined {
  try {
    return storedSchema.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}
