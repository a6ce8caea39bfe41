import type { MessageView } from '@/api/generated/schema'
import { Cut, readChunks } from './events'
import { type Chunk, type Part, Written } from './parts'

/** What a person can do in a thread. */
export type Turn =
  | { kind: 'say'; parts: readonly Part[]; replaces?: string | undefined }
  | { kind: 'again'; message?: string | undefined }
  | { kind: 'click'; message: string; parts: readonly Part[] }

/** An answer on its way. */
export interface Answer {
  phase: 'sending' | 'answering' | 'reconnecting'
  /** Its id, once the server has told it. */
  message: string | null
  /** Id of the person's message that is answered. */
  asked: string | null
  /** What the person said, until the thread is read again. */
  said: readonly Part[] | null
  /** The message from which on the thread is put aside. */
  replaces: string | null
  /** The thread's last message when the turn was taken. */
  after: string | null
  parts: readonly Part[]
  error: string | null
  /** When it began. */
  since: number
}

interface State {
  answer: Answer | null
  /** Why the last turn was not taken. */
  refusal: { turn: Turn; error: unknown } | null
}

/** What a talk needs of the server. */
export interface Ports {
  send: (turn: Turn, signal: AbortSignal) => Promise<ReadableStream<Uint8Array>>
  /** The answer that is being written, from its beginning; null where none is. */
  follow: (signal: AbortSignal) => Promise<ReadableStream<Uint8Array> | null>
  /** The newest messages, read again. */
  reread: () => Promise<readonly MessageView[]>
  wait: (ms: number) => Promise<void>
  /** Does something before the next picture is drawn. */
  soon: (act: () => void) => void
}

const POLL_MS = 1000
const LONGEST_WAIT_MS = 8000

/**
 * One thread's conversation with the server: sends turns, follows answers, and finds back after a break. What is on its
 * way is shown beside the messages that were read; once an answer has ended, the messages are read again and it is gone.
 */
export class Talk {
  private state: State = { answer: null, refusal: null }
  private readonly listeners = new Set<() => void>()
  private aborter = new AbortController()
  private told = false

  constructor(private readonly ports: Ports) {}

  readonly get = (): State => this.state

  readonly subscribe = (tell: () => void): (() => void) => {
    this.listeners.add(tell)
    return () => this.listeners.delete(tell)
  }

  /** Takes a turn. Gives whether the server took it; the answer goes on by itself. */
  async take(turn: Turn, since: number, after: string | null = null): Promise<boolean> {
    if (this.state.answer) return false
    const said = turn.kind === 'say' ? turn.parts : null
    const replaces = turn.kind === 'say' ? (turn.replaces ?? null) : turn.kind === 'again' ? (turn.message ?? null) : null
    const message = turn.kind === 'click' ? turn.message : null
    const parts = turn.kind === 'click' ? turn.parts : []
    this.become({ answer: { phase: 'sending', message, asked: null, said, replaces, after, parts, error: null, since }, refusal: null })
    const { signal } = (this.aborter = new AbortController())
    let stream: ReadableStream<Uint8Array>
    try {
      stream = await this.ports.send(turn, signal)
    } catch (error) {
      this.become({ answer: null, refusal: signal.aborted ? null : { turn, error } })
      return false
    }
    this.change({ phase: 'answering' })
    void this.read(stream, parts, signal)
    return true
  }

  /** Follows the answer that is being written, if one is: after a reload, or when another tab has asked. */
  join(messages: readonly MessageView[], since: number): void {
    const last = messages.at(-1)
    if (this.state.answer || last?.status !== 'answering') return
    const { signal } = (this.aborter = new AbortController())
    this.become({ ...this.state, answer: following(last, since) })
    void this.goOn(last, signal)
  }

  /** Reads no further; the server writes the answer on. */
  leave(): void {
    if (this.state.answer?.phase === 'sending') return
    this.aborter.abort()
    this.become({ answer: null, refusal: this.state.refusal })
  }

  /** The refusal was read. */
  readonly dismiss = (): void => this.become({ ...this.state, refusal: null })

  private async read(stream: ReadableStream<Uint8Array>, before: readonly Part[], signal: AbortSignal): Promise<void> {
    let written = new Written(before)
    const take = (chunk: Chunk) => {
      if (signal.aborted) return
      if (chunk.type === 'start') written = this.begin(chunk, before)
      else if (chunk.type === 'error') this.change({ error: String(chunk.errorText ?? '') })
      else written.take(chunk)
      this.change({ parts: written.parts })
    }
    try {
      await readChunks(stream, take)
      if (!signal.aborted) await this.end(signal)
    } catch (error) {
      if (!signal.aborted && error instanceof Cut) await this.comeBack(signal)
    }
  }

  private begin(chunk: Chunk, before: readonly Part[]): Written {
    const about = (chunk.messageMetadata ?? {}) as { asked?: string | null; kept?: number }
    this.change({ phase: 'answering', message: String(chunk.messageId), asked: about.asked ?? null })
    return new Written(before.slice(0, about.kept ?? 0))
  }

  /** The answer has ended: what was read of the thread now is the whole. */
  private async end(signal: AbortSignal): Promise<void> {
    try {
      await this.ports.reread()
      if (!signal.aborted) this.become({ ...this.state, answer: null })
    } catch {
      if (!signal.aborted) await this.comeBack(signal)
    }
  }

  private async comeBack(signal: AbortSignal): Promise<void> {
    this.change({ phase: 'reconnecting' })
    for (let wait = POLL_MS / 2; !signal.aborted; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
      await this.ports.wait(wait)
      if (signal.aborted) return
      try {
        const last = (await this.ports.reread()).at(-1)
        return await this.goOn(last, signal)
      } catch {
        // The server is still away.
      }
    }
  }

  /** Goes on with the answer as far as it was read; one that has just begun or ended elsewhere is read again. */
  private async goOn(last: MessageView | undefined, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (last?.status !== 'answering') return this.become({ ...this.state, answer: null })
      let stream: ReadableStream<Uint8Array> | null
      try {
        stream = await this.ports.follow(signal)
      } catch {
        if (!signal.aborted) await this.comeBack(signal)
        return
      }
      if (signal.aborted) return
      if (stream) return this.read(stream, last.parts, signal)
      this.change({ ...following(last, this.state.answer?.since ?? 0), said: this.state.answer?.said ?? null })
      await this.ports.wait(POLL_MS)
      if (signal.aborted) return
      try {
        last = (await this.ports.reread()).at(-1)
      } catch {
        await this.comeBack(signal)
        return
      }
    }
  }

  private change(change: Partial<Answer>): void {
    const { answer } = this.state
    if (answer) this.become({ ...this.state, answer: { ...answer, ...change } })
  }

  private become(state: State): void {
    this.state = state
    if (this.told) return
    this.told = true
    this.ports.soon(() => {
      this.told = false
      this.listeners.forEach((tell) => tell())
    })
  }
}

const following = (message: MessageView, since: number): Answer => ({
  phase: 'answering',
  message: message.id,
  asked: null,
  said: null,
  replaces: null,
  after: null,
  parts: message.parts,
  error: null,
  since,
})

/** Whether an answer that was lost before the server told its id has been read with the thread. */
const isRead = (last: MessageView | undefined, { phase, message, after }: Answer): boolean =>
  phase === 'reconnecting' && message === null && last?.role === 'assistant' && last.id !== after

/** The thread as it is shown: the messages that were read, with what is on its way in its place. */
export function withAnswer(messages: readonly MessageView[], answer: Answer | null): readonly MessageView[] {
  if (!answer || isRead(messages.at(-1), answer)) return messages
  const cut = answer.replaces === null ? -1 : messages.findIndex(({ id }) => id === answer.replaces)
  const before = cut < 0 ? messages : messages.slice(0, cut)
  const shown = (id: string, role: 'user' | 'assistant', parts: readonly Part[]): MessageView => ({
    id,
    role,
    status: role === 'user' ? 'done' : 'answering',
    parts: [...parts],
    model: null,
    error: answer.error,
    usage: { input_tokens: 0, output_tokens: 0, requests: 0, tool_calls: 0, usd: '0' },
    created_at: new Date(answer.since).toISOString(),
    finished_at: null,
  })
  const place = answer.message === null ? -1 : before.findIndex(({ id }) => id === answer.message)
  if (place >= 0) {
    const known = before[place] as MessageView
    return before.with(place, { ...known, status: 'answering', parts: [...answer.parts], error: answer.error })
  }
  const asked = answer.said && !before.some(({ id }) => id === answer.asked) ? [shown(answer.asked ?? 'asked', 'user', answer.said)] : []
  return [...before, ...asked, shown(answer.message ?? 'answer', 'assistant', answer.parts)]
}
