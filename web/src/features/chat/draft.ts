import { useCallback, useState } from 'react'

import type { AttachmentView } from '@/api/generated/schema'

/** What is being written, with the files that go along. */
export interface Draft {
  text: string
  files: readonly AttachmentView[]
}

const EMPTY: Draft = { text: '', files: [] }
const key = (place: string) => `errands.said.${place}`

export function keep(place: string, draft: Draft): void {
  if (draft.text || draft.files.length) sessionStorage.setItem(key(place), JSON.stringify(draft))
  else sessionStorage.removeItem(key(place))
}

/** What is written in a thread; it survives a reload and a new sign-in, in this browser tab alone. */
export function useDraft(place: string): [Draft, (change: (draft: Draft) => Draft) => void] {
  const [draft, setDraft] = useState<Draft>(() => kept(place))
  const write = useCallback(
    (change: (draft: Draft) => Draft) =>
      setDraft((before) => {
        const now = change(before)
        keep(place, now)
        return now
      }),
    [place],
  )
  return [draft, write]
}

function kept(place: string): Draft {
  try {
    const found = JSON.parse(sessionStorage.getItem(key(place)) ?? '{}') as Partial<Draft>
    return { text: typeof found.text === 'string' ? found.text : '', files: Array.isArray(found.files) ? found.files : [] }
  } catch {
    return EMPTY
  }
}
