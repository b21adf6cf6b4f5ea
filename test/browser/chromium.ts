// A real Chromium, with nothing of an earlier one and no traffic of its own.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, onTestFinished } from 'vitest'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const script = join(import.meta.dirname, '../../scripts/install-chromium.sh')

/** Path of the program, installed if that can be done here; undefined, with the reason on standard error, where not. */
export function findChromium(): string | undefined {
  try {
    const stdio: ['ignore', 'pipe', 'inherit'] = ['ignore', 'pipe', 'inherit']
    return execFileSync('bash', [script], { encoding: 'utf8', stdio }).trim()
  } catch (error) {
    if ((error as { status?: number }).status === 69) return undefined
    throw error
  }
}

export interface OpenPage {
  readonly page: Page
  /** What the page asked for from elsewhere than its own origin. */
  readonly foreign: readonly string[]
  /** What its policy for content stood in the way of. */
  readonly blocked: readonly string[]
}

/**
 * Opens an address. Chromium breaks off what it loads when an interface of the machine comes or goes, as those of containers
 * do at any time: then it is opened again.
 */
export async function visit(page: Page, path: string): Promise<void> {
  for (;;) {
    try {
      await page.goto(path)
      return
    } catch (error) {
      if (!String(error).includes('ERR_NETWORK_CHANGED')) throw error
    }
  }
}

interface AxeFinding {
  readonly id: string
  readonly nodes: readonly { readonly html: string }[]
}

/** The policy of the page lets no foreign script in: it is evaluated by the browser's own tools. */
export async function findViolations(page: Page): Promise<string[]> {
  await page.evaluate(axe)
  const found = (await page.evaluate('axe.run(document).then(({ violations }) => violations)')) as AxeFinding[]
  return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
}

/** One browser for the tests of the calling file. */
export function useChromium(executablePath: string | undefined) {
  let browser: Browser | undefined
  beforeAll(async () => {
    if (executablePath === undefined) return
    browser = await chromium.launch({
      executablePath,
      args: [
        // Its sandbox does not work for root; the pages are our own.
        ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--disable-domain-reliability',
        '--disable-dev-shm-usage',
        '--no-first-run',
        '--no-pings',
      ],
    })
  })
  afterAll(async () => {
    await browser?.close()
  })
  return {
    async open(address: string, options: BrowserContextOptions = {}): Promise<OpenPage> {
      const context = await browser!.newContext({ baseURL: address, locale: 'en-US', ...options })
      onTestFinished(() => context.close())
      const page = await context.newPage()
      const foreign: string[] = []
      const blocked: string[] = []
      const { origin } = new URL(address)
      page.on('request', (request) => {
        if (!request.url().startsWith(`${origin}/`) && !request.url().startsWith('data:')) foreign.push(request.url())
      })
      page.on('console', (message) => {
        if (message.text().includes('Content Security Policy')) blocked.push(message.text())
      })
      return { page, foreign, blocked }
    },
  }
}
