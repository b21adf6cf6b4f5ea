import { describe, expect, test } from 'vitest'
import { beginRestore } from '#shared/restores/begin-restore.ts'
import { chooseOrganization, prepareOrganizations } from '../../../cli/restore/map-organizations.ts'
import { waitFor } from '../../support/wait-for.ts'
import { openTestStore, project6 } from '../store/store-fixture.ts'

const target = 'https://new-cvat.example.org'

describe('the same command', () => {
  test('goes on with what it has begun, and is refused once all of it is done', async () => {
    const store = await openTestStore()
    const first = await beginRestore(store, 'wish', target, false)
    expect(first.goesOn).toBe(false)
    const second = await beginRestore(store, 'wish', target, false)
    expect([second.id, second.goesOn]).toEqual([first.id, true])
    await second.end()
    await expect(beginRestore(store, 'wish', target, false)).rejects.toMatchObject({
      code: 'restored-before',
      message: expect.stringContaining(first.id),
    })
    expect(await beginRestore(store, 'wish', target, true)).toMatchObject({ goesOn: false })
    expect(await beginRestore(store, 'another', target, false)).toMatchObject({ goesOn: false })
  })

  test('with --again begins anew once, and then goes on with that, with --again or without', async () => {
    const store = await openTestStore()
    const first = await beginRestore(store, 'wish', target, false)
    await untilLater()
    const again = await beginRestore(store, 'wish', target, true)
    expect(again.goesOn).toBe(false)
    expect(again.id).not.toBe(first.id)
    expect(await beginRestore(store, 'wish', target, true)).toMatchObject({ id: again.id, goesOn: true })
    expect(await beginRestore(store, 'wish', target, false)).toMatchObject({ id: again.id, goesOn: true })
    await again.end()
    await expect(beginRestore(store, 'wish', target, false)).rejects.toMatchObject({ code: 'restored-before' })
    expect(await beginRestore(store, 'wish', target, true)).toMatchObject({ goesOn: false })
  })

  test('goes on as long as something of it has failed', async () => {
    const store = await openTestStore()
    const first = await beginRestore(store, 'wish', target, false)
    const state = {
      formatVersion: 1,
      type: 'restore',
      restoreId: first.id,
      entity: project6,
      targetUrl: target,
      archive: { fileName: 'a.zip', sha256: '' },
      state: 'uploading',
      mark: 'm',
      startedAt: '2026-11-22T21:00:00.000Z',
    } as const
    await store.writeRestoreState({ ...state, failure: { code: 'import-failed', reason: 'why not' } })
    await first.end()
    const second = await beginRestore(store, 'wish', target, false)
    expect(second.id).toBe(first.id)
    await store.writeRestoreState({ ...state, state: 'done', resultId: 5 })
    await second.end()
    await expect(beginRestore(store, 'wish', target, false)).rejects.toMatchObject({ code: 'restored-before' })
  })
})

describe('organizations', () => {
  test('are those of the archive, but for the map, and for one that is named for all', () => {
    const organizationMap = new Map([
      ['robots', 'robotics'],
      ['old', null],
    ])
    const wish = { organization: undefined, organizationMap }
    expect(['robots', 'old', 'city', null].map((own) => chooseOrganization(own, wish))).toEqual([
      'robotics',
      null,
      'city',
      null,
    ])
    expect(chooseOrganization('robots', { ...wish, organization: 'all' })).toBe('all')
    expect(chooseOrganization('robots', { ...wish, organization: null })).toBe(null)
  })

  test('that are missing are named all at once, or made where that is wished', async () => {
    const made: string[] = []
    const cvat = {
      async *listOrganizations() {
        yield { id: 1, slug: 'here' }
      },
      changes: {
        async createOrganization({ slug }: { slug: string }) {
          made.push(slug)
          return { id: 2, slug }
        },
      },
    } as unknown as Parameters<typeof prepareOrganizations>[1]
    const wanted = new Set(['there', 'here', 'elsewhere'])
    const { signal } = new AbortController()
    await expect(prepareOrganizations(wanted, cvat, false, signal)).rejects.toMatchObject({
      code: 'no-organization',
      message: expect.stringContaining('elsewhere, there'),
    })
    expect(made).toEqual([])
    await prepareOrganizations(wanted, cvat, true, signal)
    expect(made).toEqual(['elsewhere', 'there'])
  })
})

/** Until the clock, which counts in milliseconds, has moved on. */
async function untilLater(): Promise<void> {
  const before = Date.now()
  await waitFor('a later moment', async () => Date.now() > before)
}
