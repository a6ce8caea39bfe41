import { useEffect, useState } from 'react'

/**
 * Puts a text on the clipboard. Browsers keep the clipboard from pages that came over plain http from another machine: there a
 * field is selected and copied, as a person would. Throws an Error where neither is allowed.
 */
export async function copyText(text: string): Promise<void> {
  // Missing where the page did not come safely, whatever its type says.
  const clipboard = navigator.clipboard as Clipboard | undefined
  if (clipboard) return clipboard.writeText(text)
  if (!copiedFromField(text)) throw new Error('The browser does not let this page copy. Select the text and copy it yourself.')
}

function copiedFromField(text: string): boolean {
  const before = document.activeElement
  const field = document.createElement('textarea')
  field.value = text
  field.style.position = 'fixed'
  field.style.opacity = '0'
  // Inside a dialog, which would take the focus back from anywhere else.
  const around = document.querySelector('[role=dialog]') ?? document.body
  around.append(field)
  field.select()
  const copied = document.execCommand('copy')
  field.remove()
  if (before instanceof HTMLElement) before.focus()
  return copied
}

const TOLD_MS = 1500

/** Copying at a button that says for a moment that it has. */
export function useCopy(onFailure: (error: unknown) => void): [copied: boolean, copy: (text: string) => void] {
  const [at, setAt] = useState<number | null>(null)
  useEffect(() => {
    if (at === null) return
    const timer = setTimeout(() => setAt(null), TOLD_MS)
    return () => clearTimeout(timer)
  }, [at])
  return [at !== null, (text) => void copyText(text).then(() => setAt(Date.now()), onFailure)]
}
