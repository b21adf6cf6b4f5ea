// E-mail by SMTP.

import nodemailer from 'nodemailer'
import { BackupError, describeError } from '#shared/errors/backup-error.ts'
import type { Channel } from './channel.ts'
import type { SmtpServer } from './config.ts'
import { describeMessage } from './describe-message.ts'

export interface EmailOptions {
  readonly server: SmtpServer
  readonly login: { readonly username: string; readonly password: string } | undefined
  readonly from: string
  readonly to: readonly string[]
}

const LIMIT_MS = 20_000

/** A connection a message: there are few. A login goes over an encrypted connection or not at all. */
export function openEmailChannel({ server, login, from, to }: EmailOptions): Channel {
  const transport = nodemailer.createTransport({
    host: server.host,
    port: server.port,
    secure: server.isSecure,
    requireTLS: login !== undefined && !server.isSecure,
    ...(login ? { auth: { user: login.username, pass: login.password } } : {}),
    connectionTimeout: LIMIT_MS,
    greetingTimeout: LIMIT_MS,
    socketTimeout: LIMIT_MS,
    // Texts are ours alone: no file and no address is ever read for a message.
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  return {
    name: 'email',
    async send(message) {
      try {
        await transport.sendMail({
          from,
          to: [...to],
          subject: `[cvat-backups] ${message.title}`,
          text: describeMessage(message),
          // Sent again, it is the same message; and no out-of-office reply comes back.
          messageId: `<${message.id}@cvat-backups>`,
          headers: { 'auto-submitted': 'auto-generated' },
        })
      } catch (cause) {
        throw new BackupError(`the mail server did not take it: ${describeError(cause)}`, {
          code: 'notification-failed',
          retryable: true,
        })
      }
    },
  }
}
