// What an archive looks like: its members as the central directory tells of them, and the shape of the JSON inside.

import { type Entry, fromBuffer, type ZipFile } from 'yauzl'

export interface MemberShape {
  readonly name: string
  readonly method: number
  readonly flags: number
  readonly madeBy: number
  readonly needs: number
  readonly attributes: number
  readonly extraBytes: number
}

export interface ReadMember {
  readonly shape: MemberShape
  readonly crc: number
  /** What the header before the member claims. */
  readonly localCrc: number
  readonly modified: Date
  readonly content: Buffer
}

/** All members with their contents; yauzl checks sizes, and {@link ReadMember.crc} is what the directory claims. */
export async function readMembers(archive: Buffer): Promise<ReadMember[]> {
  const zip = await new Promise<ZipFile>((resolve, reject) => {
    fromBuffer(archive, { lazyEntries: true, strictFileNames: true }, (error, file) =>
      error ? reject(error) : resolve(file),
    )
  })
  const members: ReadMember[] = []
  return await new Promise((resolve, reject) => {
    zip.on('error', reject)
    zip.on('end', () => resolve(members))
    zip.on('entry', (entry: Entry) => {
      readContent(zip, entry).then((content) => {
        members.push({
          shape: shapeOf(entry),
          crc: entry.crc32,
          localCrc: archive.readUInt32LE(entry.relativeOffsetOfLocalHeader + 14),
          modified: entry.getLastModDate(),
          content,
        })
        zip.readEntry()
      }, reject)
    })
    zip.readEntry()
  })
}

/** Keys in their order with the types of their values; of an array, the shapes of its different elements. */
export function jsonShape(value: unknown): unknown {
  if (Array.isArray(value)) {
    return [...new Set(value.map((item) => JSON.stringify(jsonShape(item))))].sort().map((text) => JSON.parse(text))
  }
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value).map(([key, item]) => [key, jsonShape(item)])
  }
  return value === null ? 'null' : typeof value
}

async function readContent(zip: ZipFile, entry: Entry): Promise<Buffer> {
  return await new Promise((resolve, reject) => {
    zip.openReadStream(entry, (error, stream) => {
      if (error) {
        reject(error)
        return
      }
      const pieces: Buffer[] = []
      stream.on('data', (piece: Buffer) => pieces.push(piece))
      stream.on('error', reject)
      stream.on('end', () => resolve(Buffer.concat(pieces)))
    })
  })
}

function shapeOf(entry: Entry): MemberShape {
  return {
    name: entry.fileName,
    method: entry.compressionMethod,
    flags: entry.generalPurposeBitFlag,
    madeBy: entry.versionMadeBy,
    needs: entry.versionNeededToExtract,
    attributes: entry.externalFileAttributes,
    extraBytes: entry.extraFieldLength,
  }
}
