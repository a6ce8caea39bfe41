import { describe, expect, it } from 'vitest'

import type { MessageView } from '@/api/generated/schema'
import { type Ports, Talk, withAnswer } from './talk'

const line = (chunk: object) => `data: ${JSON.stringify(chunk)}\n\n`
const DONE = 'data: [DONE]\n\n'
const start = (message: string, kept = 0) => line({ type: 'start', messageId: message, messageMetadata: { thread: 't', asked: 'q1', kept } })
const word = (text: string) => line({ type: 'text-start', id: 't' }) + line({ type: 'text-delta', id: 't', delta: text })

function stream(...pieces: string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(new TextEncoder().encode(piece))
      controller.close()
    },
  })
}

const message = (id: string, status: MessageView['status'], parts: MessageView['parts'] = [], role: MessageView['role'] = 'assistant') =>
  ({ id, role, status, parts, model: null, error: null, created_at: '2026-01-01T00:00:00Z', finished_at: null }) as unknown as MessageView

/** A server that gives these streams and these readings, one after the other. */
function server(given: Partial<Record<'send' | 'follow' | 'reread', unknown[]>>) {
  const asked: string[] = []
  const next = (name: 'send' | 'follow' | 'reread') => async () => {
    asked.push(name)
    const value = given[name]?.shift()
    if (value instanceof Error) throw value
    return value as never
  }
  const ports: Ports = {
    send: next('send'),
    follow: next('follow'),
    reread: next('reread'),
    wait: async () => undefined,
    soon: (act) => act(),
  }
  return { talk: new Talk(ports), asked }
}

const settled = (talk: Talk) =>
  new Promise<void>((resolve) => {
    const look = () => void (talk.get().answer === null && resolve())
    talk.subscribe(look)
    look()
  })
const say = { kind: 'say', parts: [{ type: 'text', text: 'hi' }] } as const

describe('a turn', () => {
  it('is followed to its end and then read again', async () => {
    const { talk, asked } = server({ send: [stream(start('m1') + word('Hel'), word('lo'), DONE)], reread: [[message('m1', 'done')]] })
    const seen: string[] = []
    talk.subscribe(() => seen.push((talk.get().answer?.parts ?? []).map((part) => part.text).join('|')))
    expect(await talk.take(say, 0)).toBe(true)
    await settled(talk)
    expect(seen).toContain('Hel|lo')
    expect(asked).toEqual(['send', 'reread'])
  })

  it('that is refused says so, and leaves nothing on its way', async () => {
    const refusal = new Error('An answer is being written.')
    const { talk } = server({ send: [refusal] })
    expect(await talk.take(say, 0)).toBe(false)
    expect(talk.get()).toEqual({ answer: null, refusal: { turn: say, error: refusal } })
  })

  it('is one at a time', async () => {
    const { talk } = server({ send: [new Promise(() => undefined)] })
    void talk.take(say, 0)
    expect(await talk.take(say, 0)).toBe(false)
  })

  it('is found again after the connection was cut, from its beginning, with nothing twice', async () => {
    const { talk, asked } = server({
      send: [stream(start('m1') + word('First'))],
      reread: [new Error('away'), [message('m1', 'answering', [{ type: 'text', text: 'Fir' }])], [message('m1', 'done')]],
      follow: [stream(start('m1') + word('First'), word(' and last'), DONE)],
    })
    const phases = new Set<string>()
    let whole = ''
    talk.subscribe(() => {
      const { answer } = talk.get()
      if (answer) phases.add(answer.phase)
      whole = answer ? answer.parts.map((part) => part.text).join('') : whole
    })
    await talk.take(say, 0)
    await settled(talk)
    expect(phases).toContain('reconnecting')
    expect(whole).toBe('First and last')
    expect(asked).toEqual(['send', 'reread', 'reread', 'follow', 'reread'])
  })

  it('keeps what an answer had before it went on, and no more', async () => {
    const call = { type: 'tool-log', toolCallId: 'c', state: 'approval-responded' }
    const grown = [call, { type: 'text', text: 'Do' }]
    const { talk } = server({
      follow: [stream(start('m1', 1) + word('Done'), DONE)],
      reread: [[message('m1', 'done')]],
    })
    let parts: unknown
    talk.subscribe(() => (parts = talk.get().answer?.parts ?? parts))
    talk.join([message('m1', 'answering', grown)], 0)
    await settled(talk)
    expect(parts).toEqual([call, { type: 'text', text: 'Done', state: 'streaming' }])
  })

  it('that another process writes is read until it has ended', async () => {
    const { talk, asked } = server({
      follow: [null, null],
      reread: [[message('m1', 'answering', [{ type: 'text', text: 'One' }])], [message('m1', 'done')]],
    })
    const seen: unknown[] = []
    talk.subscribe(() => seen.push(talk.get().answer?.parts))
    talk.join([message('m1', 'answering')], 0)
    await settled(talk)
    expect(seen).toContainEqual([{ type: 'text', text: 'One' }])
    expect(asked).toEqual(['follow', 'reread', 'follow', 'reread'])
  })

  it('is left to the server when nobody looks any more', async () => {
    const { talk, asked } = server({ follow: [new Promise(() => undefined)] })
    talk.join([message('m1', 'answering')], 0)
    talk.leave()
    expect(talk.get().answer).toBeNull()
    expect(asked).toEqual(['follow'])
  })
})

describe('the thread as it is shown', () => {
  const read = [message('q0', 'done', [], 'user'), message('m0', 'done')]
  const answer = { phase: 'answering', message: null, asked: null, said: null, replaces: null, after: 'm0', parts: [], error: null, since: 0 } as const

  it('has what is on its way at its end', () => {
    expect(withAnswer(read, { ...answer, said: say.parts }).map(({ id }) => id)).toEqual(['q0', 'm0', 'asked', 'answer'])
    expect(withAnswer(read, null)).toBe(read)
  })

  it('has nothing twice that was read meanwhile', () => {
    const more = [...read, message('q1', 'done', [], 'user'), message('m1', 'answering')]
    const parts = [{ type: 'text', text: 'live' }]
    const shown = withAnswer(more, { ...answer, message: 'm1', asked: 'q1', said: say.parts, parts })
    expect(shown.map(({ id }) => id)).toEqual(['q0', 'm0', 'q1', 'm1'])
    expect(shown.at(-1)?.parts).toEqual(parts)
  })

  it('has nothing twice of an answer that was cut off before its id was told', () => {
    const lost = { ...answer, phase: 'reconnecting', said: say.parts } as const
    expect(withAnswer(read, lost).map(({ id }) => id)).toEqual(['q0', 'm0', 'asked', 'answer'])
    const more = [...read, message('q1', 'done', [], 'user'), message('m1', 'done')]
    expect(withAnswer(more, lost)).toBe(more)
  })

  it('is put aside from the message on that is replaced', () => {
    expect(withAnswer(read, { ...answer, replaces: 'm0' }).map(({ id }) => id)).toEqual(['q0', 'answer'])
    expect(withAnswer(read, { ...answer, replaces: 'q0', said: say.parts }).map(({ id }) => id)).toEqual(['asked', 'answer'])
  })
})
