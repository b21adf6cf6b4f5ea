import { expect, test } from 'vitest'
import { checkSignature } from '#services/listener/check-signature.ts'
import { readEvent } from '#services/listener/read-event.ts'
import { readRecordedHooks, recordedSecret } from './recorded-hooks.ts'

const hooks = readRecordedHooks()
const recorded = new Map(hooks)
const read = (name: string) => readEvent(recorded.get(name)!.json)
const project21 = { type: 'project', id: 21 }

test.each(hooks)('the signature of %s is the one that CVAT gave it', (name, { body, headers }) => {
  const expected = name === 'create_task_unsigned' ? 'unsigned' : 'good'
  expect(checkSignature(headers['X-Signature-256'], Buffer.from(body), recordedSecret)).toBe(expected)
})

test('one bit of body, signature or secret makes it a forgery', () => {
  const { body, headers } = recorded.get('update_task_rename')!
  const signature = headers['X-Signature-256']!
  const bytes = Buffer.from(body)
  expect(checkSignature(signature, Buffer.concat([bytes, Buffer.from(' ')]), recordedSecret)).toBe('forged')
  expect(
    checkSignature(
      signature.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
      bytes,
      recordedSecret,
    ),
  ).toBe('forged')
  expect(checkSignature(signature, bytes, 's3cr3t-u')).toBe('forged')
  for (const strange of ['', 'sha256=', `sha1=${signature.slice(7)}`, signature.slice(0, -1), `${signature}0`]) {
    expect(checkSignature(strange, bytes, recordedSecret)).toBe('forged')
  }
})

test.each(hooks)('%s is understood', (_, { json }) => {
  expect(readEvent(json)?.event).toBe(json.event)
})

test('whatever happens in a project is a change of the project', () => {
  const names = ['annotations_saved_update_job', 'annotations_saved_update_task', 'annotations_saved_update_project']
  const more = [
    'create_job_ground_truth',
    'delete_job',
    'delete_task',
    'update_job_state',
    'update_task_deleted_frames',
  ]
  for (const name of [...names, ...more, 'update_project_label_added', 'update_task_creation_last']) {
    expect(read(name)?.changed, name).toEqual([project21])
  }
})

test('what is deleted is not backed up, nor is a ping, and issues and comments are looked for', () => {
  expect(read('delete_project')).toEqual({ event: 'delete:project', changed: [] })
  expect(read('ping_project')).toEqual({ event: 'ping', changed: [] })
  expect(read('create_issue')).toMatchObject({ changed: [], find: { type: 'job', id: 165 } })
  expect(read('create_comment')).toMatchObject({ changed: [], find: { type: 'issue', id: 3 } })
})

test('a task that has moved changes the project that it left, of which nothing else tells', () => {
  const { json } = recorded.get('update_task_rename')!
  const moved = { ...json, before_update: { project_id: 20 } }
  expect(readEvent(moved)?.changed).toEqual([project21, { type: 'project', id: 20 }])
  const outside = { ...json, task: { ...(json.task as object), project_id: null }, before_update: { project_id: 20 } }
  const task140 = { type: 'task', id: (json.task as { id: number }).id }
  expect(readEvent(outside)?.changed).toEqual([{ type: 'project', id: 20 }, task140])
})

test.each([
  null,
  [],
  'text',
  {},
  { event: 'update:task' },
  { event: 'update:task', task: { id: '7' } },
  { event: 'update:job', job: { task_id: -1 } },
  { event: 'drop:table', table: {} },
])('%j is no event of CVAT', (body) => {
  expect(readEvent(body)).toBeUndefined()
})

test('an event that a later version may send is taken and does nothing', () => {
  expect(readEvent({ event: 'create:membership', membership: { id: 1 } })).toEqual({ event: 'other', changed: [] })
})
