// Does at the server what was planned; what fails for one owner stops no other.

import type { CvatClient } from '#shared/cvat/client.ts'
import type { HookFields, HookOwner } from '#shared/cvat/webhook-calls.ts'
import { BackupError, describeError } from '#shared/errors/backup-error.ts'
import type { HookStep } from './plan-webhooks.ts'

export interface StepResult {
  readonly step: HookStep
  /** The webhook that is there afterwards. */
  readonly hookId?: number | undefined
  readonly error?: string
}

export async function* carryOut(
  steps: readonly HookStep[],
  cvat: Pick<CvatClient, 'webhooks'>,
  fieldsFor: (type: HookOwner['type']) => HookFields,
  signal: AbortSignal,
): AsyncGenerator<StepResult> {
  for (const step of steps) {
    signal.throwIfAborted()
    try {
      yield { step, hookId: await carryOutStep(step, cvat, fieldsFor, signal) }
    } catch (error) {
      signal.throwIfAborted()
      yield { step, error: explain(error) }
    }
  }
}

async function carryOutStep(
  step: HookStep,
  { webhooks }: Pick<CvatClient, 'webhooks'>,
  fieldsFor: (type: HookOwner['type']) => HookFields,
  signal: AbortSignal,
): Promise<number | undefined> {
  const { owner } = step.of
  if (step.do === 'keep') return step.hook.id
  if (step.do === 'create') return (await webhooks.create(owner, fieldsFor(owner.type), signal)).id
  if (step.do === 'change') return (await webhooks.change(step.hookId, fieldsFor(owner.type), signal)).id
  await webhooks.remove(step.hookId, signal)
  return undefined
}

function explain(error: unknown): string {
  if (error instanceof BackupError && error.code === 'forbidden') {
    return 'this login may not: it needs the owner of the project, or an owner or maintainer of the organization'
  }
  return describeError(error)
}
