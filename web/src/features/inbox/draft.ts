import { useState } from 'react'

import type { Values } from '@/ui/form/schema'

interface Draft {
  form: Values
  note: string
}

const EMPTY: Draft = { form: {}, note: '' }
const key = (approval: string) => `errands.answer.${approval}`

/** An answer that is still being written; it survives a reload, in this browser tab alone. */
export function useDraft(approval: string): [Draft, (draft: Draft) => void, () => void] {
  const [draft, setDraft] = useState<Draft>(() => kept(approval))
  const write = (now: Draft) => {
    setDraft(now)
    sessionStorage.setItem(key(approval), JSON.stringify(now))
  }
  return [draft, write, () => sessionStorage.removeItem(key(approval))]
}

function kept(approval: string): Draft {
  try {
    return { ...EMPTY, ...(JSON.parse(sessionStorage.getItem(key(approval)) ?? '{}') as Partial<Draft>) }
  } catch {
    return EMPTY
  }
}
