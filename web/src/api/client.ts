import createClient from 'openapi-fetch'

import type { paths, ProblemDocument } from './generated/schema'

/** The only way to the server, typed by its own document. */
export const api = createClient<paths>()

/** A request that the server refused, with its problem document. */
export class Refusal extends Error {
  constructor(readonly problem: ProblemDocument) {
    super(problem.detail)
  }

  get status(): number {
    return this.problem.status
  }

  /** What is wrong with one part of what was sent, by its path without the `body.` that the server puts before it. */
  get byPath(): Record<string, string> {
    const found = (this.problem.problems ?? []).map((one) => [one.path.replace(/^(body|arguments)\./, ''), one.message])
    return Object.fromEntries(found) as Record<string, string>
  }
}

/** No answer came: the server or the network is away. */
export class Unreachable extends Error {
  constructor() {
    super('The server does not answer.')
  }
}

interface Answer<Data> {
  data?: Data
  error?: unknown
  response: Response
}

/** What the server gives. Throws Refusal or Unreachable. */
export async function ask<Data>(asked: Promise<Answer<Data>>): Promise<Data> {
  const came = await asked.catch((error: unknown) => {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new Unreachable()
  })
  if (came.response.ok) return came.data as Data
  throw new Refusal(asProblem(came.error, came.response))
}

/** The header of an edit: the digest of what was edited, or (null) that it is a new one. */
export const began = (digest: string | null) => (digest === null ? { 'if-none-match': '*' } : { 'if-match': `"${digest}"` })

interface PageOf<Item> {
  items: Item[]
  next_cursor: string | null
}

/** Everything in a list that is told in pages; `page` reads the page of a cursor. */
export async function whole<Item>(page: (cursor: { cursor?: string }) => Promise<PageOf<Item>>): Promise<Item[]> {
  let read = await page({})
  const items = [...read.items]
  while (read.next_cursor !== null) {
    read = await page({ cursor: read.next_cursor })
    items.push(...read.items)
  }
  return items
}

export const isStatus = (error: unknown, status: number): boolean => error instanceof Refusal && error.status === status

/** In one sentence: what happened and what to do. */
export function sentence(error: unknown): string {
  if (error instanceof Refusal) return [error.problem.detail, error.problem.hint].filter(Boolean).join(' ')
  return error instanceof Error ? error.message : 'Something went wrong.'
}

function asProblem(error: unknown, response: Response): ProblemDocument {
  if (typeof error === 'object' && error !== null && 'detail' in error) return error as ProblemDocument
  return {
    type: 'about:blank',
    title: response.statusText,
    status: response.status,
    detail: `The server answered ${response.status}.`,
    hint: null,
    request_id: response.headers.get('X-Request-ID') ?? '',
    problems: [],
  }
}
