// Routes about the server itself, logins and organizations.

import { detail, djangoPage, empty, json, missing } from './answers.ts'
import type { Authenticator } from './authentication.ts'
import { accessTokenBody, organizationBody } from './bodies.ts'
import { field, type Route, type Server, textField } from './call.ts'
import { listFormats } from './formats.ts'
import { answerList } from './list-page.ts'
import { organizationList } from './list-specs.ts'
import type { AccessToken } from './world-records.ts'

const description =
  'CVAT is completely re-designed and re-implemented version of Video Annotation Tool from Irvine, California tool. ' +
  'It is free, online, interactive video and image annotation tool for computer vision. It is being used by our team ' +
  'to annotate million of objects with different properties. Many UI and UX decisions are based on feedbacks from ' +
  'professional data annotation team.'

export function serverRoutes(server: Server, authenticator: Authenticator): Route[] {
  const { world } = server
  return [
    {
      path: '/',
      allow: '',
      isAnonymous: true,
      methods: {
        GET: () => ({ ...djangoPage(410, '', ''), body: Buffer.alloc(0) }),
      },
    },
    {
      path: '/api/server/about',
      allow: 'GET, HEAD, OPTIONS',
      isAnonymous: true,
      methods: {
        GET: (call) =>
          json(200, {
            name: 'Computer Vision Annotation Tool',
            description,
            version: world.version,
            logo_url: `${call.base}/static/logo.svg`,
            subtitle: 'Open Data Annotation Platform',
          }),
      },
    },
    {
      path: '/api/server/annotation/formats',
      allow: 'GET, HEAD, OPTIONS',
      methods: { GET: () => json(200, listFormats()) },
    },
    {
      path: '/api/auth/login',
      allow: 'POST, OPTIONS',
      isAnonymous: true,
      methods: {
        POST: async (call) => {
          const user = await authenticator.checkPassword(
            textField(call.body, 'username') ?? '',
            textField(call.body, 'password') ?? '',
          )
          if (!user) return json(400, { non_field_errors: ['Unable to log in with provided credentials.'] })
          const key = world.login(user)
          const { sessionId, csrf } = authenticator.openSession(user)
          const expires = new Date(world.clock.nowMs() + 1_209_600_000).toUTCString()
          const life = `expires=${expires}; Max-Age=1209600; Path=/; SameSite=Lax`
          return json(
            200,
            { key },
            {
              vary: 'Accept, Cookie, Origin',
              'set-cookie': [`csrftoken=${csrf}; ${life}`, `sessionid=${sessionId}; HttpOnly; ${life}`],
            },
          )
        },
      },
    },
    {
      path: '/api/auth/logout',
      allow: 'POST, OPTIONS',
      isReading: true,
      methods: {
        POST: (call) => {
          authenticator.closeSession(call.headers)
          world.revokeLoginKey(call.user.username)
          return detail(200, 'Successfully logged out.')
        },
      },
    },
    {
      path: '/api/auth/access_tokens',
      allow: 'GET, POST, HEAD, OPTIONS',
      methods: {
        GET: (call) => {
          const own = [...world.accessTokens.values()].filter((token) => token.userId === call.user.id)
          return answerList<AccessToken>(
            call,
            {
              path: '/api/auth/access_tokens',
              fields: {},
              filter: [],
              simple: [],
              search: [],
              sort: [],
              defaultSort: '-id',
            },
            own,
            (token) => accessTokenBody(world, token, call.base),
          )
        },
        POST: (call) => {
          const token = world.addAccessToken(call.user.username, {
            name: textField(call.body, 'name') ?? '',
            readOnly: field(call.body, 'read_only') !== false,
            expiryDate: textField(call.body, 'expiry_date') ?? null,
          })
          return json(201, { ...accessTokenBody(world, token, call.base), value: token.value })
        },
      },
    },
    {
      path: '/api/auth/access_tokens/{id}',
      allow: 'GET, PATCH, DELETE, HEAD, OPTIONS',
      methods: {
        GET: (call) => {
          const token = world.accessTokens.get(Number(call.params.id))
          if (token?.userId !== call.user.id) return missing('AccessToken')
          return json(200, accessTokenBody(world, token, call.base))
        },
        DELETE: (call) => {
          const token = world.accessTokens.get(Number(call.params.id))
          if (token?.userId !== call.user.id) return missing('AccessToken')
          world.revokeAccessToken(token.id)
          return empty(204)
        },
      },
    },
    {
      path: '/api/organizations',
      allow: 'GET, POST, HEAD, OPTIONS',
      methods: {
        GET: (call) => {
          const own = [...world.organizations.values()].filter(
            (organization) => call.user.isSuperuser || organization.members.has(call.user.id),
          )
          return answerList(call, organizationList(world), own, (row) => organizationBody(world, row, call.base))
        },
        POST: (call) => {
          const slug = textField(call.body, 'slug') ?? ''
          const name = textField(call.body, 'name') ?? slug
          if (!/^[\w-]{1,16}$/.test(slug)) return json(400, { slug: ['Enter a valid “slug”.'] })
          if (world.findOrganization(slug)) {
            return json(400, { slug: ['organization with this slug already exists.'] })
          }
          const organization = world.addOrganization({ slug, name, owner: call.user.username })
          return json(201, organizationBody(world, organization, call.base))
        },
      },
    },
  ]
}
