// Two steps of a loop at the same time: the next item is made while this one is worked on.

/**
 * The same items in the same order, of which each is asked for when the one before is handed out. A failure comes where its
 * item would have come. Left early, it waits for the item that is being made, and the source is closed.
 */
export async function* oneAhead<Item>(source: AsyncGenerator<Item>): AsyncGenerator<Item> {
  let coming = source.next()
  try {
    for (;;) {
      const { value, done } = await coming
      if (done) return
      coming = source.next()
      // Until it is awaited nobody is there to hear of its failure.
      coming.catch(() => undefined)
      yield value
    }
  } finally {
    await source.return(undefined)
  }
}
