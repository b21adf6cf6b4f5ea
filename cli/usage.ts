// The command line's own help, and the error for words that fit nothing.

import { BackupError } from '#shared/errors/backup-error.ts'

export const usage = `cvat-backups: backs up every project and task of a CVAT server

Usage: cvat-backups COMMAND [OPTIONS]

  backup --mode p|a|t    back up what changed since its last good archive
      --mode p             projects, and tasks outside projects (the default)
      --mode a             annotations of the same, in CVAT_BACKUP_FORMAT
      --mode t             every task by itself
      --full               unchanged ones too
      --project ID [ID…]   only these projects
      --task ID [ID…]      only these tasks
      --json               print the summary as JSON
  sweep [--dry-run]      remove archives that the retention rules no longer keep
      --dry-run            only tell what would be removed, and why
      --json               print every decision, then the totals, as JSON lines
  list [--json]          show what the backup directory holds
  show ENTITY            all archives of one project or task (project-6, or its name):
                         what each holds, how good it is, why and until when it is kept
      --json               print it as JSON
  diff ENTITY            what changed between its newest two archives, by content
  diff ENTITY TIME [TIME]  between those times, or since then (2026-11-20)
  diff A B               between two archives: paths, file names, or ENTITY@TIME
      --json               print it as JSON; exits with 1 if anything differs, 2 on trouble
  extract ARCHIVE        write one task of an archive as an archive that CVAT restores
      --task 17            which: its id, its folder (task_2) or its name
      --annotations        only its annotations.json
      -o FILE              where to; nothing is overwritten
  assemble SNAPSHOT      write a snapshot as the archive of the whole project, as CVAT would
                         have exported it (an ENTITY: its newest good snapshot)
      -o FILE              where to; nothing is overwritten
  restore ENTITY…        make projects and tasks anew from their newest good archives, by
                         folder (project-6) or name; compares what came of it
      --all                everything; goes on where it was broken off, nothing twice
      --to URL             another server than CVAT_RESTORE_URL, with CVAT_RESTORE_… login
      --at TIME            the state of then (2026-11-20, 2026-11-20T12:00Z)
      --archive FILE       this archive, with its gaps
      --as NAME            under another name
      --organization SLUG  all into this one («-»: personal); else each into its own
      --organization-map OLD=NEW, --create-organizations
      --repair             mend what CVAT would refuse, in what is uploaded
      --include-deleted    with --all: also what was deleted on the server
      --from URL           whose archives, where there are those of several servers
      --plan               only tell what would be done, from what, and how long it may take
      --yes                do not ask, when the target is the source
      --again              once more, even where the same was broken off, or done before;
                           itself broken off, it is gone on with
      --json               print the report as JSON
  restore --annotations task-17  put the annotations of an export back into that task:
                         frames and labels are checked, it is backed up first
      --archive FILE, --at TIME   which export; else the newest that holds the task
      --into ID            another task; needed with --to another server
      --dry-run            only tell what would come, be replaced and be lost
      --yes                do not ask; --i-have-a-backup: do not back it up first
  verify [FOLDER…]       read stored archives again, those unchecked for 30 days or
                         all of the named folders (project-6 task-7)
      --since 7d           those not checked since then: 12h, 7d, 2w or a date
      --all                all of them
      --level whole        only size and SHA-256 (sound: members too; complete: the default)
      --json               print findings and numbers as JSON
  drill                  restore an archive under a marked name, compare, remove it again:
                         the proof is kept beside it
      --sample 3           so many, the longest undrilled first (by default 1)
      --project ID [ID…]   the newest good ones of these (--task ID: of these tasks)
      --to URL             on another server, with CVAT_RESTORE_… as login
      --yes                do not ask before writing to that server
      --json               print the report as JSON
  webhooks install       have CVAT tell of changes, so that what changes is backed up within minutes:
                         a webhook for each organization and each personal project in scope
      --dry-run            only tell what would be done
      --yes                do not ask
      --renew-secret       give CVAT CVAT_BACKUP_HOOKS_SECRET anew
  webhooks status        show which there are and whether their calls come through
  webhooks remove        remove them (--dry-run, --yes)
  notify --test          send a message by every channel that is set, to try it out
  notify --status        show what is told at the moment, and whether the channels work
      --json               print it as JSON
  index                  write .cvat-backups/catalogue.ndjson, a list of all records
  adopt [FOLDER]         take over the flat files of the original script, by default
                         those in CVAT_BACKUP_DIR
      --dry-run            only tell what would become of each
      --copy               leave them where they are
      --json               print it as JSON
  serve                  run all services in this process, by the schedule, and the board
                         (http://127.0.0.1:3000, see BOARD_PORT)
  scheduler | exporter | downloader | sweeper | restorer | listener | notifier | board
                         run one service in this process, for containers; needs REDIS_URL
  print-config [--json]  show the settings in force and where they come from

Settings come from the environment and from a .env file in the working directory;
docs/configuration.md lists them. Without REDIS_URL an embedded Redis is used.

Exit codes: 0 all good, 1 something failed, 2 wrong usage or configuration, 130 interrupted.
`

export function wrongUsage(message: string): BackupError {
  return new BackupError(message, {
    code: 'usage',
    retryable: false,
    hint: 'cvat-backups --help shows how it is meant.',
  })
}
