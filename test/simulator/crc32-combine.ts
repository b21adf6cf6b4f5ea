// The CRC-32 of two pieces joined, from the CRCs of the pieces: lets a file of gigabytes be laid out without reading it.

/** The reflected CRC-32 polynomial, with x^0 in the highest bit. */
const polynomial = 0xedb88320
const one = 0x80000000

/** CRC-32 of `a` followed by `b`, where `lengthOfB` is in bytes. */
export function combineCrc32(crcOfA: number, crcOfB: number, lengthOfB: number): number {
  return (multiply(shiftFactor(lengthOfB), crcOfA >>> 0) ^ crcOfB) >>> 0
}

/** CRC-32 of one piece repeated, by squaring. */
export function repeatCrc32(crc: number, length: number, times: number): number {
  let result = 0
  let piece = crc
  let pieceLength = length
  for (let left = times; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result = combineCrc32(result, piece, pieceLength)
    piece = combineCrc32(piece, piece, pieceLength)
    pieceLength *= 2
  }
  return result
}

/** x^(8 * bytes) modulo the polynomial: what appending so many zero bytes multiplies a CRC by. */
function shiftFactor(bytes: number): number {
  let factor = one
  let square = one >>> 8
  for (let left = bytes; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) factor = multiply(square, factor)
    square = multiply(square, square)
  }
  return factor
}

/** Product of two polynomials over GF(2), reduced. */
function multiply(a: number, b: number): number {
  let product = 0
  let term = b
  for (let mask = one; mask !== 0; mask >>>= 1) {
    if ((a & mask) !== 0) product ^= term
    term = (term & 1) !== 0 ? (term >>> 1) ^ polynomial : term >>> 1
  }
  return product >>> 0
}
