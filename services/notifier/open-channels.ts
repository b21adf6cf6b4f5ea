// The channels that the settings ask for.

import type { Channel } from './channel.ts'
import type { NotifierSettings } from './config.ts'
import { openEmailChannel } from './email-channel.ts'
import { openDiscordChannel, openSlackChannel, openWebhookChannel } from './web-channels.ts'

export function openChannels(values: NotifierSettings): Channel[] {
  const { webhookUrl, webhookSecret, slackUrl, discordUrl, smtpUrl, smtpUsername, smtpPassword, mailTo } = values
  const login =
    smtpUsername !== undefined && smtpPassword !== undefined
      ? { username: smtpUsername, password: smtpPassword }
      : undefined
  return [
    ...(webhookUrl === undefined ? [] : [openWebhookChannel(webhookUrl, webhookSecret)]),
    ...(slackUrl === undefined ? [] : [openSlackChannel(slackUrl)]),
    ...(discordUrl === undefined ? [] : [openDiscordChannel(discordUrl)]),
    ...(smtpUrl === undefined || mailTo === undefined
      ? []
      : [openEmailChannel({ server: smtpUrl, login, to: mailTo, from: values.mailFrom ?? mailTo[0]! })]),
  ]
}
