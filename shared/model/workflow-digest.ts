// What "the workflow is as it was noted" compares: one sum over what a listing of the server shows of it anyway.

import { hash } from 'node:crypto'
import type { WorkflowDigest } from './workflow.ts'

type User = string | null

export interface PeopleFacts {
  readonly id: number
  readonly owner: User
  readonly assignee: User
}

export interface JobFacts {
  readonly id: number
  readonly type: string
  readonly stage: string | null
  readonly state: string | null
  readonly assignee: User
  readonly updated_date: string
  /** Null where the server does not count them. */
  readonly issues: number | null
}

export interface IssueFacts {
  readonly id: number
  readonly owner: User
  readonly assignee: User
  readonly updated_date: string | null
  readonly resolved: boolean
  /** A new comment moves no date of its issue. */
  readonly comments: number | null
}

/**
 * Sums of 128-bit hashes, one a row: rows may come in any order and in pieces, and nothing but the sums is kept. A comment
 * that was rewritten shows nowhere but in itself, and so not here.
 */
export class WorkflowTally {
  #rows = 0n
  #issues = 0n

  addProject({ id, owner, assignee }: PeopleFacts): void {
    this.#rows = add(this.#rows, ['project', id, owner, assignee])
  }

  addTask({ id, owner, assignee }: PeopleFacts): void {
    this.#rows = add(this.#rows, ['task', id, owner, assignee])
  }

  addJob(job: JobFacts): void {
    const { id, type, stage, state, assignee, updated_date, issues } = job
    this.#rows = add(this.#rows, ['job', id, type, stage, state, assignee, updated_date, issues])
  }

  addIssue({ id, owner, assignee, updated_date, resolved, comments }: IssueFacts): void {
    this.#issues = add(this.#issues, ['issue', id, owner, assignee, updated_date, resolved, comments])
  }

  /** `knowsIssues`: whether all issues could be read. */
  digest(knowsIssues: boolean): WorkflowDigest {
    return { rows: format(this.#rows), issues: knowsIssues ? format(this.#issues) : null }
  }
}

const MASK = (1n << 128n) - 1n

function add(sum: bigint, row: readonly unknown[]): bigint {
  return (sum + BigInt(`0x${hash('sha256', JSON.stringify(row)).slice(0, 32)}`)) & MASK
}

function format(sum: bigint): string {
  return sum.toString(16).padStart(32, '0')
}
