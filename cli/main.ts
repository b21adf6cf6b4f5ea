// The command line: finds the command, runs it, turns its end into an exit code.

import { BackupError } from '#shared/errors/backup-error.ts'
import { exitCodeOf, exitCodes } from './exit-codes.ts'
import { serviceCommand } from './service-command.ts'
import { usage, wrongUsage } from './usage.ts'

type Command = (args: string[]) => Promise<number>

/** Loaded when called: help must not wait for modules that it does not need. */
const commands: Record<string, () => Promise<Command>> = {
  backup: async () => (await import('./commands/backup.ts')).backup,
  sweep: async () => (await import('./commands/sweep.ts')).sweep,
  list: async () => (await import('./commands/list.ts')).list,
  show: async () => (await import('./commands/show.ts')).show,
  diff: async () => (await import('./commands/diff.ts')).diff,
  extract: async () => (await import('./commands/extract.ts')).extract,
  assemble: async () => (await import('./commands/assemble.ts')).assemble,
  verify: async () => (await import('./commands/verify.ts')).verify,
  restore: async () => (await import('./commands/restore.ts')).restore,
  drill: async () => (await import('./commands/drill.ts')).drill,
  webhooks: async () => (await import('./commands/webhooks.ts')).webhooks,
  notify: async () => (await import('./commands/notify.ts')).notify,
  index: async () => (await import('./commands/index.ts')).index,
  adopt: async () => (await import('./commands/adopt.ts')).adopt,
  serve: async () => (await import('./commands/serve.ts')).serve,
  'print-config': async () => (await import('./commands/print-config.ts')).printConfig,
  scheduler: async () => serviceCommand('scheduler'),
  exporter: async () => serviceCommand('exporter'),
  downloader: async () => serviceCommand('downloader'),
  sweeper: async () => serviceCommand('sweeper'),
  restorer: async () => serviceCommand('restorer'),
  listener: async () => serviceCommand('listener'),
  notifier: async () => serviceCommand('notifier'),
  board: async () => serviceCommand('board'),
}

const [name, ...args] = process.argv.slice(2)
// A reader that has seen enough ends what is there to be read (`cvat-backups list | head`), never what does the work.
const onlyPrints = new Set(['list', 'show', 'print-config', 'help', '--help'])
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE' && onlyPrints.has(name ?? '')) process.exit(exitCodes.ok)
})
const code = await run(name, args)
await untilPrinted()
process.exit(code)

async function run(name: string | undefined, args: string[]): Promise<number> {
  if (name === undefined || name === 'help' || name === '--help' || name === '-h' || args.includes('--help')) {
    process.stdout.write(usage)
    return name === undefined ? exitCodes.wrong : exitCodes.ok
  }
  try {
    const load = commands[name]
    if (!load) throw wrongUsage(`there is no command «${name}»`)
    const command = await load()
    return await command(args)
  } catch (error) {
    process.stderr.write(`cvat-backups: ${explain(error)}\n`)
    return exitCodeOf(error, name)
  }
}

/** A pipe whose reader is slower than we are: what waits for it would be lost with the process. */
async function untilPrinted(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    if (stream.writableLength > 0) await new Promise<void>((resolve) => stream.write('', () => resolve()))
  }
}

/** An expected fault in its own words; a defect with its stack, since somebody has to find it. */
function explain(error: unknown): string {
  if (!(error instanceof BackupError)) return error instanceof Error ? (error.stack ?? error.message) : String(error)
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : ''
  return `${error.message}${cause}${error.hint ? `\n${error.hint}` : ''}`
}
