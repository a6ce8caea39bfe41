import { type ChangeEvent, useState } from 'react'

/**
 * A field whose text is kept elsewhere, such as in the address, which follows a moment later: while somebody types, what
 * stands in it is theirs, so that no letter is lost and the caret stays where it was put.
 */
export function useTyped(kept: string, keep: (text: string) => void) {
  const [typed, setTyped] = useState<string | null>(null)
  return {
    value: typed ?? kept,
    onFocus: () => setTyped(kept),
    onBlur: () => setTyped(null),
    onChange: ({ currentTarget: { value } }: ChangeEvent<HTMLInputElement>) => {
      setTyped(value)
      keep(value)
    },
  }
}
