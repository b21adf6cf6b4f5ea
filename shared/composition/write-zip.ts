// Writes a zip member by member, where a member's size and CRC-32 are known only when its bytes have passed: its header is
// put before it afterwards. For small archives that are made here; what is made of stored ones is composed instead.

import type { FileHandle } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { MADE_MEMBER } from './apply-edits.ts'
import { directoryRow, endOfDirectory, localHeader, type MemberFacts, ZIP64_LIMIT } from './zip-records.ts'

export interface ZipWriter {
  /** Bytes written so far. */
  readonly sizeBytes: number
  /** One member at a time. Nothing is left of one whose source fails: the next takes its place. */
  addMember(name: string, content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<MemberFacts>
  /**
   * Writes the directory, with its rows in this order: the one in which the members count as being there. The caller
   * brings the file to the disk and closes it.
   */
  finish(order: readonly MemberFacts[]): Promise<void>
}

/** The same members give the same bytes: time stamps are fixed. Memory: a row of the directory each. */
export function openZipWriter(file: FileHandle): ZipWriter {
  const offsets = new Map<MemberFacts, number>()
  let end = 0
  return {
    get sizeBytes() {
      return end
    },
    async addMember(name, content) {
      const offset = end
      const facts = { ...MADE_MEMBER, name, method: 0, crc32: 0, sizeBytes: 0, compressedBytes: 0 }
      let at = offset + localHeader(facts).length
      for await (const chunk of content) {
        facts.crc32 = crc32(chunk, facts.crc32)
        facts.sizeBytes += chunk.byteLength
        // A header with longer numbers would have needed more room.
        if (facts.sizeBytes > ZIP64_LIMIT) throw new RangeError(`${name} has more than 2 GiB`)
        await writeFully(file, chunk, at)
        at += chunk.byteLength
      }
      facts.compressedBytes = facts.sizeBytes
      await writeFully(file, localHeader(facts), offset)
      offsets.set(facts, offset)
      end = at
      return facts
    },
    async finish(order) {
      const directory = Buffer.concat(order.map((facts) => directoryRow(facts, offsets.get(facts)!)))
      const last = endOfDirectory(order.length, end, directory.length)
      await writeFully(file, Buffer.concat([directory, last]), end)
      end += directory.length + last.length
      await file.truncate(end)
    },
  }
}

async function writeFully(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.byteLength - done, position + done)
    done += bytesWritten
  }
}
