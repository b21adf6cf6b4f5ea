// A project's archive as a test compares it with another: members in their order, with size and CRC-32.

import { listMembers, readTextMember } from '../shared/composition/composed-files.ts'

/**
 * Where a label was changed, CVAT writes the project's labels in the order of its database, which the API does not tell: they
 * are given as a set here, and project.json without size and CRC-32. All else is to the byte.
 */
export async function describeProject(path: string): Promise<object> {
  const { labels, ...settings } = JSON.parse(await readTextMember(path, 'project.json')) as { labels: object[] }
  const members = (await listMembers(path)).map((member) =>
    member.name === 'project.json' ? { name: member.name } : member,
  )
  return { settings, labels: new Set(labels), members }
}
