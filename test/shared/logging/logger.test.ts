import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { BackupError } from '#shared/errors/backup-error.ts'
import type { LogFormat, LogLevel } from '#shared/logging/level.ts'
import { createLogger, withContext } from '#shared/logging/logger.ts'

function collect(options: { level?: LogLevel; format?: LogFormat; secrets?: string[]; isTTY?: boolean } = {}) {
  const lines: string[] = []
  const { level = 'info', format = 'json', secrets = [], isTTY } = options
  const destination = { write: (line: string) => void lines.push(line), isTTY }
  const logger = createLogger({ level, format, service: 'exporter', destination, secrets })
  return { logger, lines, records: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) }
}

describe('JSON lines', () => {
  test('have level, ISO time, service and message', () => {
    const { logger, records, lines } = collect()
    logger.info({ count: 2 }, 'done')
    expect(records()).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        service: 'exporter',
        pid: process.pid,
        count: 2,
        msg: 'done',
      },
    ])
    expect(lines[0]).toMatch(/^\{"level":"info","time":.*\}\n$/)
  })

  test('below the level are left out', () => {
    const { logger, records } = collect({ level: 'warn' })
    for (const level of ['debug', 'info', 'warn', 'error', 'fatal'] as const) logger[level](level)
    expect(records().map(({ level }) => level)).toEqual(['warn', 'error', 'fatal'])
  })

  test('of a child name run, entity and job, and the newest service', () => {
    const { logger, records } = collect()
    const child = withContext(logger.child({ service: 'downloader' }), {
      run: 'r1',
      entity: { type: 'project', id: 6 },
    })
    withContext(child, { job: 'project-6.backup' }).info('done')
    logger.info('parent')
    const [first, second] = records()
    expect(first).toMatchObject({ service: 'downloader', run: 'r1', entity: 'project-6', job: 'project-6.backup' })
    expect(second).not.toHaveProperty('run')
  })

  test('keep code, hint and causes of errors, under whatever field', () => {
    const { logger, records } = collect()
    let cause = new Error('root')
    for (const message of ['fourth', 'third', 'second']) cause = new Error(message, { cause })
    const error = new BackupError('first', { code: 'some-code', retryable: false, hint: 'Do it.', cause })
    logger.error(error)
    logger.error({ err: error, failure: error }, 'it failed')
    logger.child({ err: error }).error('of a child')
    const [alone, named, child] = records()
    const chain = { cause: { cause: { cause: { cause: { message: 'root' } } } } }
    const expected = { type: 'BackupError', message: 'first', code: 'some-code', hint: 'Do it.', ...chain }
    expect(alone).toMatchObject({ msg: 'first', err: expected })
    expect(named).toMatchObject({ msg: 'it failed', err: expected, failure: expected })
    expect(child).toMatchObject({ msg: 'of a child', err: expected })
  })

  test('survive values that JSON cannot hold', () => {
    const { logger, records } = collect()
    const loop: Record<string, unknown> = { big: 5n }
    loop.self = loop
    logger.info({ loop, none: undefined, call: () => 1 }, 'odd')
    expect(records()).toMatchObject([{ msg: 'odd', loop: { self: '[Circular]' } }])
  })
})

describe('secrets', () => {
  test.each<LogFormat>(['json', 'pretty'])('are in no line of the %s format', (format) => {
    const secret = 'hunter two/§'
    const { logger, lines } = collect({ format, secrets: [secret] })
    const basic = Buffer.from(`admin:${secret}`).toString('base64')
    const child = logger.child({ url: `redis://:${encodeURIComponent(secret)}@redis`, password: 'other-secret' })
    child.info(
      { deep: { headers: { authorization: `Basic ${basic}` }, list: [secret, basic] } },
      `said ${secret} %s`,
      basic,
    )
    child.error(new Error(`wrong: ${secret}`, { cause: new Error(`inner ${basic}`) }))
    child.warn({ token: 'third-secret' }, `Authorization: Basic ${basic}`)
    const output = lines.join('')
    expect(lines).toHaveLength(3)
    for (const hidden of [secret, encodeURIComponent(secret), basic, basic.slice(-12), '-secret', 'hunter']) {
      expect(output).not.toContain(hidden)
    }
    expect(output).toContain('said *** ***')
  })
})

describe('the format auto', () => {
  test('is for people on a terminal, JSON elsewhere', () => {
    const terminal = collect({ format: 'auto', isTTY: true })
    terminal.logger.info({ run: 'r1' }, 'hello')
    expect(terminal.lines.join('')).toMatch(/INFO.*hello/)
    expect(() => terminal.records()).toThrow(SyntaxError)
    const file = collect({ format: 'auto' })
    file.logger.info('hello')
    expect(file.records()).toMatchObject([{ msg: 'hello' }])
  })

  test('pretty has no colours off a terminal', () => {
    const { logger, lines } = collect({ format: 'pretty' })
    logger.info({ run: 'r1' }, 'hello')
    expect(lines.join('')).not.toContain('\u001B')
    expect(lines.join('')).toContain('[exporter] hello')
  })
})

describe('a process', () => {
  const module = join(import.meta.dirname, '..', '..', '..', 'shared', 'logging', 'logger.ts')

  async function runChild(format: LogFormat, count: number, end: string) {
    const code = `
      import { createLogger } from ${JSON.stringify(module)}
      const logger = createLogger({ level: 'info', format: '${format}', service: 'x', destination: 1 })
      for (let i = 1; i <= ${count}; i++) logger.info('line ' + i + ' ' + 'x'.repeat(100))
      ${end}
    `
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
    const exited = new Promise((resolve) => child.once('exit', (status, signal) => resolve(status ?? signal)))
    const lines = (await text(child.stdout)).trimEnd().split('\n')
    return { lines, ended: await exited }
  }

  test.each<LogFormat>(['json', 'pretty'])(
    'that exits loses no %s line, though they are more than a pipe holds',
    async (format) => {
      const { lines, ended } = await runChild(format, 3000, 'process.exit(3)')
      expect(ended).toBe(3)
      expect(lines).toHaveLength(3000)
      expect(lines.at(-1)).toContain('line 3000 ')
    },
  )

  test.each<LogFormat>(['json', 'pretty'])(
    'that is killed has written every %s line that it logged',
    async (format) => {
      const { lines, ended } = await runChild(format, 50, "process.kill(process.pid, 'SIGKILL')")
      expect(ended).toBe('SIGKILL')
      expect(lines).toHaveLength(50)
    },
  )
})
