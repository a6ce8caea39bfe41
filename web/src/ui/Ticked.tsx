import { Fragment } from 'react'

/** A sentence in which what stands between backticks is code. */
export function Ticked({ text }: { text: string }) {
  return text.split(/`([^`\n]+)`/).map((part, place) => (place % 2 ? <code key={place}>{part}</code> : <Fragment key={place}>{part}</Fragment>))
}

/** The same for what may be missing: fields take it as their description or error. */
export const ticked = (text: string | undefined) => (text?.includes('`') ? <Ticked text={text} /> : text)
