import fc from 'fast-check'
import { expect, test } from 'vitest'
import { html } from '#services/board/html.ts'

test('whatever is put into a template is text, in elements and in quoted attributes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (value) => {
      const { text } = html`<p title="${value}">${[value]}</p>`
      const [, title, content] = /^<p title="([^"]*)">([^<>]*)<\/p>$/s.exec(text) ?? []
      expect(title).toBeDefined()
      expect(content).toBe(title)
    }),
  )
})

test('what would forge the text around it is shown as what cannot be shown', () => {
  expect(html`${'a\u202eb\u2066c\u0000d\u001b[31m\u0085e'}`.text).toBe('a\ufffdb\ufffdc\ufffdd\ufffd[31m\ufffde')
  expect(html`${'שלום عربي 👩‍🚀 a\tb\nc'}`.text).toBe('שלום عربي 👩‍🚀 a\tb\nc')
})

test('only what came out of a template stays as it is, and nothing stands for nothing', () => {
  expect(html`${html`<b>`}${'<b>'}${undefined}${null}${false}${0}`.text).toBe('<b>&lt;b&gt;0')
})
