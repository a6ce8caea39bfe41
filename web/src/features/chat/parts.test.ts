import { describe, expect, it } from 'vitest'

import { cardIn, callIn, shownParts, Written } from './parts'

const taken = (written: Written, ...chunks: Record<string, unknown>[]) => {
  for (const chunk of chunks) written.take(chunk as never)
  return written.parts
}

describe('an answer as its chunks make it', () => {
  it('holds words in the order in which they began, each as far as it has come', () => {
    const parts = taken(
      new Written(),
      { type: 'start-step' },
      { type: 'text-start', id: 'a' },
      { type: 'text-delta', id: 'a', delta: 'Hel' },
      { type: 'text-delta', id: 'a', delta: 'lo' },
      { type: 'text-end', id: 'a' },
      { type: 'text-start', id: 'a' },
      { type: 'text-delta', id: 'a', delta: 'again' },
    )
    expect(parts).toEqual([
      { type: 'step-start' },
      { type: 'text', text: 'Hello', state: 'done' },
      { type: 'text', text: 'again', state: 'streaming' },
    ])
  })

  it('leaves out what belongs to words that never began', () => {
    expect(taken(new Written(), { type: 'text-delta', id: 'lost', delta: 'x' }, { type: 'unheard-of' })).toEqual([])
  })

  it('shows a call from its first letter to its result', () => {
    const written = new Written()
    taken(written, { type: 'tool-input-start', toolCallId: 'c', toolName: 'http.request' })
    expect(callIn(written.parts[0] ?? {})).toMatchObject({ tool: 'http.request', state: 'input-streaming' })
    taken(
      written,
      { type: 'tool-input-available', toolCallId: 'c', toolName: 'http.request', input: { url: 'x' } },
      { type: 'tool-approval-request', toolCallId: 'c', approvalId: 'c~1' },
    )
    expect(callIn(written.parts[0] ?? {})).toMatchObject({ input: { url: 'x' }, approval: 'c~1', state: 'approval-requested' })
    taken(written, { type: 'tool-output-available', toolCallId: 'c', output: 'ok' })
    expect(callIn(written.parts[0] ?? {})).toMatchObject({ state: 'output-available', output: 'ok' })
  })

  it('goes on with a call that it had before', () => {
    const before = { type: 'tool-log', toolCallId: 'c', state: 'approval-responded', approval: { id: 'c~1', approved: true } }
    const parts = taken(new Written([before]), { type: 'tool-output-available', toolCallId: 'c', output: 1 })
    expect(parts).toEqual([{ ...before, state: 'output-available', output: 1 }])
  })

  it('puts a card in the place of the one with the same id, and forgets what is passing', () => {
    const parts = taken(
      new Written(),
      { type: 'data-run', id: 'r', data: { status: 'queued' } },
      { type: 'data-note', data: { passing: true }, transient: true },
      { type: 'data-run', id: 'r', data: { status: 'running' } },
    )
    expect(parts).toEqual([{ type: 'data-run', id: 'r', data: { status: 'running' } }])
  })
})

describe('what is worth showing', () => {
  const step = { type: 'step-start' }
  const words = { type: 'text', text: '- a\n- b' }
  const list = { type: 'data-tasks', data: { tasks: [] } }

  it('leaves out the words of a command that its card says too', () => {
    expect(shownParts([step, words, list])).toEqual([step, list])
    const run = { type: 'data-run', data: {} }
    expect(shownParts([step, { type: 'text', text: 'It is queued.' }, run])).toEqual([step, run])
  })

  it('keeps the words of a model, of a run that is explained, and of an answer without cards', () => {
    const call = { type: 'tool-list_tasks', toolCallId: 'c', state: 'output-available' }
    for (const parts of [[step, call, list, words], [step, words], [step, words, { type: 'data-run', data: {} }]]) {
      expect(shownParts(parts)).toEqual(parts)
    }
  })
})

it('knows a card that waits for a click from one that only shows', () => {
  const standing = { id: 'crd_1', digest: 'd', state: 'open', action: null, by: null, result: null }
  expect(cardIn({ type: 'data-act', data: { act: 'pause', card: standing } })?.standing).toEqual(standing)
  expect(cardIn({ type: 'data-run', data: { run: 'run_1' } })?.standing).toBeNull()
  expect(cardIn({ type: 'text', text: 'data-act' })).toBeNull()
})
