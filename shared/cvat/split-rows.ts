// Takes a list's answer apart as it comes in: row by row, so that neither its text nor all of its raw rows are ever in
// memory at once. What a page of CVAT's lists is otherwise: 1 to 2 kB a row, of which few fields are kept.

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

const ROWS_KEY = 'results'

export interface RowSplitter {
  /** Bytes as they come. A chunk is the caller's again afterwards. */
  push(chunk: Buffer): void
  /** Everything but the rows, as text: of `{"next":null,"results":[{…},{…}]}` it is `{"next":null,"results":[]}`. */
  end(): string
}

/**
 * Gives out the JSON text of each object that lies directly in the array `results` of the outermost object. Anything else,
 * well-formed or not, stays in what `end` gives: checking that is up to the caller, as the rows' own text is.
 */
export function openRowSplitter(onRow: (text: string) => void): RowSplitter {
  const rest: Buffer[] = []
  /** Of a row that began in an earlier chunk. */
  let begun: Buffer[] = []
  /** Brackets that are open; in the array of rows it is 2, in a row 3 and more. */
  let depth = 0
  let isInString = false
  let isEscaped = false
  let isInRows = false
  let isInRow = false
  /** Whether the last thing in the outermost object was the key of the rows. */
  let isRowsKey = false
  /** A string of the outermost object, as far as it has come. */
  let key = ''

  function endRow(piece: Buffer): void {
    const text = begun.length === 0 ? piece.toString('utf8') : Buffer.concat([...begun, piece]).toString('utf8')
    begun = []
    onRow(text)
  }

  function push(chunk: Buffer): void {
    /** Where the row, or what is no row, begins in this chunk. */
    let from = 0
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]!
      if (isInString) {
        if (isEscaped) isEscaped = false
        else if (byte === BACKSLASH) isEscaped = true
        else if (byte === QUOTE) {
          isInString = false
          if (depth === 1) isRowsKey = key === ROWS_KEY
        } else if (depth === 1 && key.length < 16) key += String.fromCharCode(byte)
        continue
      }
      switch (byte) {
        case QUOTE:
          isInString = true
          key = ''
          break
        case OPEN_OBJECT:
        case OPEN_ARRAY:
          depth++
          if (depth === 2) isInRows = byte === OPEN_ARRAY && isRowsKey
          if (depth !== 3 || !isInRows || byte !== OPEN_OBJECT) break
          isInRow = true
          keep(rest, chunk.subarray(from, at))
          from = at
          break
        case CLOSE_OBJECT:
        case CLOSE_ARRAY:
          depth--
          if (depth === 1) isInRows = isRowsKey = false
          if (depth !== 2 || !isInRow) break
          isInRow = false
          endRow(chunk.subarray(from, at + 1))
          from = at + 1
          break
        case COMMA:
          if (depth === 1) isRowsKey = false
          // Between two rows. Where something else lies there, the rest is no JSON any more, and so it is told.
          if (depth !== 2 || !isInRows) break
          keep(rest, chunk.subarray(from, at))
          from = at + 1
      }
    }
    keep(isInRow ? begun : rest, chunk.subarray(from))
  }

  return {
    push,
    end: () => Buffer.concat([...rest, ...begun]).toString('utf8'),
  }
}

function keep(pieces: Buffer[], piece: Buffer): void {
  if (piece.length > 0) pieces.push(Buffer.from(piece))
}
