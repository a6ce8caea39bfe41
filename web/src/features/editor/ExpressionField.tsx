import { Combobox, Group, Text, Textarea, TextInput, useCombobox } from '@mantine/core'
import { type ReactNode, useEffect, useRef, useState } from 'react'

import type { Named } from './scope'
import { type Mode, type Suggestion, suggestionsAt } from './suggest'

interface ExpressionFieldProps {
  common: { label: string; description: ReactNode; error: ReactNode }
  /** One line, or several; `code` in the fixed-width type. */
  lines: 'one' | 'several' | 'code'
  mode: Mode
  names: readonly Named[]
  shown: string
  /** What was typed, when the field is left. */
  onLeave: (typed: string) => void
}

const MONO = { input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 12.5 } }

/** A field that may hold expressions: names and keys are offered while one types; arrows and Enter choose. */
export function ExpressionField({ common, lines, mode, names, shown, onLeave }: ExpressionFieldProps) {
  const [typed, setTyped] = useState(shown)
  const [offered, setOffered] = useState<Suggestion[]>([])
  const field = useRef<HTMLInputElement & HTMLTextAreaElement>(null)
  const combobox = useCombobox({ onDropdownClose: () => combobox.resetSelectedOption() })
  useEffect(() => {
    if (offered.length > 0) combobox.selectFirstOption()
    // The store is another object each time; only what is offered matters.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [offered])
  const look = (text: string, caret: number) => {
    const found = suggestionsAt(text, caret, names, mode)
    setOffered(found)
    if (found.length === 0) combobox.closeDropdown()
    else combobox.openDropdown()
  }
  const choose = (label: string) => {
    const one = offered.find((suggestion) => suggestion.label === label)
    const place = field.current
    if (!one || !place) return
    const caret = place.selectionStart ?? typed.length
    const now = typed.slice(0, one.from) + one.apply + typed.slice(caret)
    setTyped(now)
    combobox.closeDropdown()
    const next = one.from + one.apply.length
    requestAnimationFrame(() => place.setSelectionRange(next, next))
  }
  const shared = {
    ...common,
    ref: field,
    value: typed,
    styles: lines === 'several' ? {} : MONO,
    'aria-autocomplete': 'list' as const,
    onChange: ({ currentTarget }: { currentTarget: HTMLInputElement | HTMLTextAreaElement }) => {
      setTyped(currentTarget.value)
      look(currentTarget.value, currentTarget.selectionStart ?? currentTarget.value.length)
    },
    onBlur: () => {
      combobox.closeDropdown()
      if (typed !== shown) onLeave(typed)
    },
  }
  return (
    <Combobox store={combobox} onOptionSubmit={choose} withinPortal transitionProps={{ duration: 0 }}>
      <Combobox.Target autoComplete="off" withExpandedAttribute={false}>
        {lines === 'one' ? <TextInput {...shared} /> : <Textarea {...shared} autosize minRows={lines === 'code' ? 4 : 3} maxRows={18} />}
      </Combobox.Target>
      <Combobox.Dropdown hidden={offered.length === 0}>
        <Combobox.Options mah={220} style={{ overflowY: 'auto' }} aria-label="Suggestions">
          {offered.map(({ label, about }) => (
            <Combobox.Option key={label} value={label}>
              <Group justify="space-between" gap="xs" wrap="nowrap">
                <code>{label}</code>
                <Text size="xs" c="dimmed">
                  {about}
                </Text>
              </Group>
            </Combobox.Option>
          ))}
        </Combobox.Options>
      </Combobox.Dropdown>
    </Combobox>
  )
}
