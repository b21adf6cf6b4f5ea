// What the pages cannot do without a script: times in the viewer's zone, and following a run. All else works without it.

const zoned = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })

/** The exact UTC stays on hover. */
function showLocalTimes(root) {
  for (const time of root.querySelectorAll('time[data-local]')) {
    time.textContent = zoned.format(new Date(time.dateTime))
    time.removeAttribute('data-local')
  }
}

let following

/** Each event has the page ask for the part that has changed. */
function followRun() {
  const address = document.querySelector('[data-follow]')?.dataset.follow
  if (following?.address === address) return
  following?.source.close()
  following = undefined
  if (address === undefined) return
  const source = new EventSource(address)
  following = { address, source }
  const look = () => {
    const part = document.querySelector('[data-follow]')
    if (part) window.htmx.trigger(part, 'progress')
  }
  source.addEventListener('progress', look)
  source.addEventListener('end', () => {
    source.close()
    look()
  })
}

showLocalTimes(document)
followRun()
document.addEventListener('htmx:afterSettle', () => {
  showLocalTimes(document)
  followRun()
})
