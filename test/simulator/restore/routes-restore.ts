// Restoring a project or a task from its backup.

import { type Answer, denied, json } from '../answers.ts'
import type { Call, Route, Server } from '../call.ts'
import { prepareImport } from './import-archive.ts'
import { uploadRoutes } from './tus-routes.ts'

export function restoreRoutes(server: Server): Route[] {
  return (['project', 'task'] as const).flatMap((target) =>
    uploadRoutes(server, {
      paths: [`/api/${target}s/backup/`],
      allow: 'POST, OPTIONS',
      formField: `${target}_file`,
      refuse: refuseRestore,
      finish: (call, path, release) => orderRestore(call, server, target, { path, release }),
    }),
  )
}

/** In an organization, workers may not make projects and tasks (CVAT's rules; not recorded for restores). */
function refuseRestore({ user, scope }: Call): Answer | null {
  if (user.isSuperuser || typeof scope === 'string') return null
  const role = scope.members.get(user.id)
  return role === undefined || role === 'worker' ? denied() : null
}

function orderRestore(
  call: Call,
  server: Server,
  target: 'project' | 'task',
  { path, release }: { path: string; release: () => void },
): Answer {
  const { world, capacity, uploads } = server
  const organization = typeof call.scope === 'string' ? null : call.scope
  const { id } = server.imports.post(
    {
      target,
      subresource: 'backup',
      into: null,
      prepare: () =>
        prepareImport(target, {
          world,
          owner: call.user,
          organization,
          allowStaticCache: capacity.allowStaticCache,
          path,
          release,
        }),
      cleanUp: (isFinished) => {
        // What was restored reads its media from the file: only its name is gone.
        if (isFinished) uploads.forgetPath(path)
        else release()
      },
    },
    call.user,
  )
  return json(202, { rq_id: id })
}
