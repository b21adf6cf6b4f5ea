// Pages of one size out of pages of any size.

/** The same items in the same order, so many a page; the last one has what is left. Never holds more than a page and one of the source. */
export async function* inPagesOf<Item>(size: number, source: AsyncIterable<readonly Item[]>): AsyncGenerator<Item[]> {
  let held: Item[] = []
  for await (const items of source) {
    held = [...held, ...items]
    while (held.length >= size) yield held.splice(0, size)
  }
  if (held.length > 0) yield held
}
