// Calls that change what is on the server. Backups need none of them; a restore names, assigns and, where it has made a
// thing itself, removes. Shapes are those of CVAT's OpenAPI schema for 2.64.1.

import { z } from 'zod'
import type { EntityRef } from '#shared/model/entity.ts'
import type { ApiCaller } from './api-caller.ts'
import { listByNumber } from './list-pages.ts'
import { type OrganizationRow, organizationRowSchema } from './rows.ts'

export interface JobChange {
  /** `annotation`, `validation`, `acceptance`. */
  readonly stage?: string
  /** `new`, `in progress`, `completed`, `rejected`. */
  readonly state?: string
  /** A user's id; null takes the assignee away. */
  readonly assignee?: number | null
}

/** All of them may be repeated: the second time nothing is left to change. */
export interface ChangeCalls {
  rename(entity: EntityRef, name: string, signal: AbortSignal): Promise<void>
  /** @param userId null takes the assignee away */
  assign(entity: EntityRef, userId: number | null, signal: AbortSignal): Promise<void>
  changeJob(jobId: number, change: JobChange, signal: AbortSignal): Promise<void>
  /** True also when it had gone before. */
  remove(entity: EntityRef, signal: AbortSignal): Promise<void>
  createOrganization(organization: { slug: string; name: string }, signal: AbortSignal): Promise<OrganizationRow>
  /** A user's id by exact name, among those whom the login may see; undefined: no such user. */
  findUser(username: string, signal: AbortSignal): Promise<number | undefined>
}

const anything = z.unknown()

const userRowSchema = z.object({ id: z.int().positive(), username: z.string() })

export function openChanges(caller: ApiCaller): ChangeCalls {
  const patch = async (path: string, json: object, signal: AbortSignal) => {
    await caller.readJson({ method: 'PATCH', path, json }, anything, signal)
  }
  return {
    rename: (entity, name, signal) => patch(pathOf(entity), { name }, signal),
    assign: (entity, userId, signal) => patch(pathOf(entity), { assignee_id: userId }, signal),
    changeJob: (jobId, change, signal) => patch(`/api/jobs/${jobId}`, change, signal),
    async remove(entity, signal) {
      await caller.readStatus({ method: 'DELETE', path: pathOf(entity), expected: [204, 404] }, signal)
    },
    async createOrganization(organization, signal) {
      const call = {
        method: 'POST',
        path: '/api/organizations',
        json: organization,
        expected: [201],
        once: true,
      } as const
      return (await caller.readJson(call, organizationRowSchema, signal)).value
    },
    async findUser(username, signal) {
      const list = { path: '/api/users', query: { username, page_size: 10 }, row: userRowSchema }
      for await (const page of listByNumber(caller, list, signal)) {
        const user = page.find((row) => row.username === username)
        if (user) return user.id
      }
      return undefined
    },
  }
}

function pathOf(entity: EntityRef): string {
  return `/api/${entity.type}s/${entity.id}`
}
