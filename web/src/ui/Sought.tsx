import { TextInput } from '@mantine/core'

import { IconSearch } from './icons'
import { useTyped } from './typed'

interface SoughtProps {
  label: string
  placeholder: string
  /** What the address says. */
  words: string
  onWords: (words: string) => void
}

/** Words that a list is narrowed to. */
export function Sought({ label, placeholder, words, onWords }: SoughtProps) {
  return <TextInput aria-label={label} placeholder={placeholder} leftSection={<IconSearch size={14} aria-hidden />} {...useTyped(words, onWords)} />
}
