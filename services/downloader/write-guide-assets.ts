// The pictures of a guide on their way into a project part: from an earlier one where it has them, else from the server.

import { crc32 } from 'node:zlib'
import { createAssetNamer, listAssetReferences } from '#shared/composition/compose-guide.ts'
import { openZipSource } from '#shared/composition/source-archive.ts'
import type { ZipWriter } from '#shared/composition/write-zip.ts'
import type { MemberFacts } from '#shared/composition/zip-records.ts'
import type { AssetDownload, DescriptionCalls } from '#shared/cvat/description-calls.ts'
import { asDownloadError } from '#shared/cvat/network-error.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import type { Problem } from '#shared/store/record.ts'

/** What is noted of a guide, so that the next project part need not fetch its pictures again. */
export interface GuideNote {
  readonly id: number
  readonly assets: readonly AssetNote[]
}

export interface AssetNote {
  readonly uuid: string
  /** In this project part: another than it was uploaded with where two pictures have one name. */
  readonly fileName: string
  readonly uploadName: string
  readonly sizeBytes: number
  readonly crc32: number
  /** Milliseconds since 1970; null where the server does not say. */
  readonly uploadedMs: number | null
}

/** The project part of an earlier snapshot, and what was noted of its guide. */
export interface PreviousGuide {
  readonly archivePath: string
  readonly guide: GuideNote | null
}

export interface GuideAssetOptions {
  readonly cvat: Pick<DescriptionCalls, 'openAsset'>
  readonly previous?: PreviousGuide | undefined
  readonly signal: AbortSignal
}

export type WrittenAsset = AssetNote & { readonly facts: MemberFacts }

const MOST_TRIES = 3
const BROKEN = new Set(['download-interrupted', 'timeout'])
const GONE = new Set(['not-found', 'no-endpoint'])

/** In the order in which the text names them; those that are gone are named in the warnings. One is open at a time. */
export async function writeGuideAssets(
  zip: ZipWriter,
  markdown: string,
  { cvat, previous, signal }: GuideAssetOptions,
  warnings: Problem[],
): Promise<WrittenAsset[]> {
  const known = new Map(previous?.guide?.assets.map((note) => [note.uuid, note]))
  const choose = createAssetNamer()
  const written: WrittenAsset[] = []
  for (const uuid of listAssetReferences(markdown)) {
    const note = known.get(uuid)
    const fileName = note && choose(note.uploadName)
    const copy = note && previous && (await copyAsset(zip, { ...note, fileName: fileName! }, note, previous, signal))
    const asset = copy ?? (await fetchAsset(zip, uuid, cvat, (wanted) => fileName ?? choose(wanted), signal))
    if (asset) written.push(asset)
    else warnings.push(describeGone(uuid))
  }
  return written
}

/** Undefined: it is not there as it was noted, and has to be fetched. */
async function copyAsset(
  zip: ZipWriter,
  wanted: AssetNote,
  { fileName, sizeBytes, crc32 }: AssetNote,
  { archivePath }: PreviousGuide,
  signal: AbortSignal,
): Promise<WrittenAsset | undefined> {
  try {
    await using archive = await openZipSource(archivePath, { signal })
    const member = await archive.find(`assets/${fileName}`)
    if (member?.method !== 0 || member.sizeBytes !== sizeBytes || member.crc32 !== crc32) return undefined
    const facts = await zip.addMember(`assets/${wanted.fileName}`, checked(archive.readRaw(member), wanted))
    return { ...wanted, facts }
  } catch (error) {
    if (error instanceof BackupError) return undefined
    throw error
  }
}

async function* checked(bytes: AsyncIterable<Buffer>, expected: AssetNote): AsyncGenerator<Buffer> {
  let crc = 0
  for await (const chunk of bytes) {
    crc = crc32(chunk, crc)
    yield chunk
  }
  if (crc === expected.crc32) return
  throw new BackupError('A picture in an earlier project part is damaged', {
    code: 'damaged-archive',
    retryable: false,
  })
}

/** Undefined: the server does not have it, or not its file. */
async function fetchAsset(
  zip: ZipWriter,
  uuid: string,
  cvat: Pick<DescriptionCalls, 'openAsset'>,
  choose: (wanted: string) => string,
  signal: AbortSignal,
): Promise<WrittenAsset | undefined> {
  let fileName: string | undefined
  for (let attempt = 1; ; attempt++) {
    try {
      const asset = await cvat.openAsset(uuid, signal)
      const uploadName = asset.fileName ?? uuid
      fileName ??= choose(uploadName)
      const facts = await zip.addMember(`assets/${fileName}`, readWhole(asset, uuid))
      const { sizeBytes, crc32 } = facts
      return { uuid, fileName, uploadName, sizeBytes, crc32, uploadedMs: asset.uploadedMs ?? null, facts }
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof BackupError && GONE.has(error.code)) return undefined
      const isBroken = error instanceof BackupError && BROKEN.has(error.code)
      if (!isBroken || attempt === MOST_TRIES) throw error
    }
  }
}

async function* readWhole({ body, totalBytes }: AssetDownload, uuid: string): AsyncGenerator<Buffer> {
  let bytes = 0
  const chunks = body[Symbol.asyncIterator]()
  try {
    for (;;) {
      const { done, value } = await chunks.next().catch((error) => {
        throw asDownloadError(error)
      })
      if (done) break
      bytes += (value as Buffer).length
      yield value as Buffer
    }
  } finally {
    body.destroy()
  }
  if (totalBytes === undefined || bytes === totalBytes) return
  throw new BackupError(`GET /api/assets/${uuid}: ${bytes} of ${totalBytes} bytes came`, {
    code: 'download-interrupted',
    retryable: true,
  })
}

/** CVAT leaves such a reference in the text as it is, and so do we. */
function describeGone(uuid: string): Problem {
  const message = `The guide names a picture that the server does not have: /api/assets/${uuid}`
  return { code: 'guide-asset-gone', message }
}
