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

test('only what came out of a template stays as it is, and nothing stands for nothing', () => {
  expect(html`${html`<b>`}${'<b>'}${undefined}${null}${false}${0}`.text).toBe('<b>&lt;b&gt;0')
})
