// Users: oneself, and who else can be seen and assigned.

import { json, missing } from './answers.ts'
import { userBody, userLink } from './bodies.ts'
import type { Call, Route, Server } from './call.ts'
import { answerList } from './list-page.ts'
import { userList } from './list-specs.ts'
import type { User } from './world-records.ts'

export function userRoutes(server: Server): Route[] {
  return [
    {
      path: '/api/users/self',
      allow: 'GET, HEAD, OPTIONS',
      methods: { GET: (call) => json(200, userBody(call.user, call.base)) },
    },
    // Users were not recorded; the schema gives both shapes: whole for administrators, in short for all others.
    {
      path: '/api/users',
      allow: 'GET, HEAD, OPTIONS',
      methods: {
        GET: (call) => answerList(call, userList, visibleUsers(call, server), (row) => bodyFor(call, row)),
      },
    },
    {
      path: '/api/users/{id}',
      allow: 'GET, PATCH, DELETE, HEAD, OPTIONS',
      methods: {
        GET: (call) => {
          const user = visibleUsers(call, server).find((row) => row.id === Number(call.params.id))
          return user ? json(200, bodyFor(call, user)) : missing('User')
        },
      },
    },
  ]
}

function bodyFor(call: Call, user: User): object {
  return call.user.isSuperuser || call.user === user ? userBody(user, call.base) : userLink(user, call.base)
}

/** Administrators see everybody, others themselves and the members of their organizations. */
function visibleUsers(call: Call, { world }: Server): User[] {
  const all = [...world.users.values()].sort((a, b) => a.id - b.id)
  if (typeof call.scope !== 'string') {
    const { members } = call.scope
    return all.filter((user) => members.has(user.id))
  }
  if (call.user.isSuperuser) return all
  const own = [...world.organizations.values()].filter(({ members }) => members.has(call.user.id))
  return all.filter((user) => user === call.user || own.some(({ members }) => members.has(user.id)))
}
