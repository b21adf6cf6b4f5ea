// What the pages cannot do without a script: times in the viewer's zone, and following a run. All else works without it.

const zoned = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })
/** Of two archives of one minute a choice has to tell which is which. */
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' })

/** The exact UTC stays on hover. */
function showLocalTimes(root) {
  for (const time of root.querySelectorAll('time[data-local]')) {
    time.textContent = zoned.format(new Date(time.dateTime))
    time.removeAttribute('data-local')
  }
  for (const option of root.querySelectorAll('option[data-time]')) {
    option.textContent = exact.format(new Date(option.dataset.time))
    option.removeAttribute('data-time')
  }
}

/** A browser comes back by itself to a server that was away, but not to one that has answered with an error. */
const COME_BACK_MS = 5_000

let following

/** Each event has the page ask for the part that has changed. */
function followRun() {
  const address = document.querySelector('[data-follow]')?.dataset.follow
  if (following?.address === address) return
  following?.source.close()
  clearTimeout(following?.comingBack)
  following = undefined
  if (address === undefined) return
  const source = new EventSource(address)
  const own = { address, source, comingBack: undefined }
  following = own
  const look = () => {
    const part = document.querySelector('[data-follow]')
    if (part) window.htmx.trigger(part, 'progress')
  }
  source.addEventListener('progress', look)
  source.addEventListener('end', () => {
    source.close()
    look()
  })
  source.addEventListener('error', () => {
    if (source.readyState !== EventSource.CLOSED || following !== own) return
    own.comingBack = setTimeout(() => {
      following = undefined
      followRun()
    }, COME_BACK_MS)
  })
}

showLocalTimes(document)
followRun()
document.addEventListener('htmx:afterSettle', () => {
  showLocalTimes(document)
  followRun()
})
