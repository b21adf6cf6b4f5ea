// Channels that are one POST: the generic webhook, Slack and Discord.

import { createHmac } from 'node:crypto'
import type { Channel } from './channel.ts'
import { describeMessage } from './describe-message.ts'
import { post } from './post.ts'

const JSON_TYPE = { 'content-type': 'application/json' }
/** Slack cuts at 40,000 characters and shows fewer; Discord refuses more than 2,000. */
const LONGEST_SLACK = 3_500
const LONGEST_DISCORD = 1_900

export function openWebhookChannel(url: string, secret: string | undefined): Channel {
  return {
    name: 'webhook',
    send(message, signal) {
      const body = JSON.stringify(message)
      const hex = secret === undefined ? undefined : createHmac('sha256', secret).update(body).digest('hex')
      return post(url, body, { ...JSON_TYPE, ...(hex ? { 'x-signature-256': `sha256=${hex}` } : {}) }, signal)
    },
  }
}

export function openSlackChannel(url: string): Channel {
  return {
    name: 'slack',
    send(message, signal) {
      // Escaped, a project's name can neither call everybody nor show one address and lead to another.
      const text = escapeSlack(cut(`*${message.title}*\n${describeMessage(message)}`, LONGEST_SLACK))
      return post(url, JSON.stringify({ text, unfurl_links: false, unfurl_media: false }), JSON_TYPE, signal)
    },
  }
}

export function openDiscordChannel(url: string): Channel {
  return {
    name: 'discord',
    send(message, signal) {
      // `[text](address)` would show one address and lead to another.
      const text = describeMessage(message).replaceAll('[', '\\[')
      const content = cut(`**${message.title}**\n${text}`, LONGEST_DISCORD)
      // Nobody is called by a name that is `@everyone`; no preview of links.
      const body = { content, username: 'cvat-backups', allowed_mentions: { parse: [] }, flags: 4 }
      return post(url, JSON.stringify(body), JSON_TYPE, signal)
    },
  }
}

function escapeSlack(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1).toWellFormed()}…` : text
}
