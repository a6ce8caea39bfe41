import { ActionIcon, Button, Text, Textarea } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { type ClipboardEvent, type DragEvent, type KeyboardEvent, type ReactNode, useId, useRef, useState } from 'react'

import type { AttachmentView } from '@/api/generated/schema'
import { tasksQuery } from '@/api/queries'
import { bytes } from '@/ui/format'
import { IconAlertTriangle, IconFileText, IconPaperclip, IconPlayerStopFilled, IconSend, IconX } from '@/ui/icons'
import classes from './Composer.module.css'
import type { Draft } from './draft'
import { commandsQuery } from './queries'
import { commandOf, type Suggestion, suggestions } from './suggestions'

interface ComposerProps {
  id?: string
  /** It is what the screen is for: typing begins at once. */
  first?: boolean
  project: string
  draft: Draft
  onDraft: (change: (draft: Draft) => Draft) => void
  /** Something is on its way. */
  busy: boolean
  onSend: () => void
  /** Ends the answer that is being written; left out where none is. */
  onStop?: (() => void) | undefined
  onFiles: (files: readonly File[]) => void
  onDetach: (file: AttachmentView) => void
  /** Names of files that are being sent. */
  sending?: readonly string[]
  aside?: ReactNode
}

/** Where a keyboard is likely: on a telephone it would rise over what is to be read. */
const WITH_KEYS = matchMedia('(hover: hover)').matches

/** Where somebody writes: words, files, and commands that are chosen by the keyboard. */
export function Composer({ id, first = false, project, draft, onDraft, busy, onSend, onStop, onFiles, onDetach, sending = [], aside }: ComposerProps) {
  const listId = useId()
  const field = useRef<HTMLTextAreaElement>(null)
  const picker = useRef<HTMLInputElement>(null)
  const [over, setOver] = useState(false)
  const menu = useMenu(project, draft.text, (text) => onDraft((before) => ({ ...before, text })))
  const ready = (draft.text.trim() !== '' || draft.files.length > 0) && !busy && sending.length === 0
  const typed = (event: KeyboardEvent) => {
    if (menu.takes(event)) return
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return
    event.preventDefault()
    if (ready) onSend()
  }
  const pasted = (event: ClipboardEvent) => {
    const files = [...event.clipboardData.files]
    if (files.length === 0) return
    event.preventDefault()
    onFiles(files)
  }
  const dropped = (event: DragEvent) => {
    event.preventDefault()
    setOver(false)
    if (event.dataTransfer.files.length) onFiles([...event.dataTransfer.files])
  }
  return (
    <form
      className={classes.composer}
      data-over={over || undefined}
      aria-label="Say something"
      onSubmit={(event) => {
        event.preventDefault()
        if (ready) onSend()
      }}
      onDragOver={(event) => {
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={dropped}
    >
      {menu.open && <Menu id={listId} found={menu.found} chosen={menu.chosen} onChoose={(one) => {
        menu.choose(one)
        field.current?.focus()
      }} />}
      <Files files={draft.files} sending={sending} onDetach={onDetach} />
      <Textarea
        id={id}
        ref={field}
        autoFocus={first && WITH_KEYS}
        variant="unstyled"
        classNames={{ input: classes.field }}
        aria-label="Message"
        aria-autocomplete="list"
        aria-haspopup="listbox"
        aria-controls={menu.open ? listId : undefined}
        aria-activedescendant={menu.open ? `${listId}-${menu.chosen}` : undefined}
        placeholder="Say what should happen, or type / for commands"
        autosize
        minRows={1}
        maxRows={14}
        dir="auto"
        value={draft.text}
        onChange={({ currentTarget }) => menu.typed(currentTarget.value)}
        onKeyDown={typed}
        onPaste={pasted}
        onBlur={menu.close}
      />
      <div className={classes.bar}>
        <ActionIcon variant="subtle" color="gray" aria-label="Attach files" title="Attach files" onClick={() => picker.current?.click()}>
          <IconPaperclip size={17} />
        </ActionIcon>
        <input
          ref={picker}
          type="file"
          multiple
          hidden
          aria-label="Files to attach"
          onChange={({ currentTarget }) => {
            onFiles([...(currentTarget.files ?? [])])
            currentTarget.value = ''
          }}
        />
        {aside}
        <Text size="xs" c="dimmed" className={classes.usage} role="status">
          {menu.usage || (draft.text.trim() && 'Enter sends, Shift Enter begins a line')}
        </Text>
        {onStop ? (
          <Button size="compact-md" variant="default" leftSection={<IconPlayerStopFilled size={14} aria-hidden />} onClick={onStop}>
            Stop
          </Button>
        ) : (
          <Button type="submit" size="compact-md" disabled={!ready} leftSection={<IconSend size={14} aria-hidden />}>
            Send
          </Button>
        )}
      </div>
    </form>
  )
}

/** What goes on from what is typed, and which of it is chosen. */
function useMenu(project: string, text: string, write: (text: string) => void) {
  const { data: commands = [] } = useQuery(commandsQuery)
  const { data: tasks = [] } = useQuery({ ...tasksQuery(project), enabled: text.startsWith('/') })
  const [place, setPlace] = useState(0)
  const [shut, setShut] = useState(true)
  const found = text.startsWith('/') ? suggestions(text, commands, tasks) : []
  const open = !shut && found.length > 0
  const chosen = Math.min(place, found.length - 1)
  const choose = (one: Suggestion) => {
    write(one.text)
    setPlace(0)
    // What comes next, such as the tasks, is offered at once.
    setShut(!one.text.endsWith(' '))
  }
  const takes = (event: KeyboardEvent): boolean => {
    // Nothing of the menu may take the focus as it goes.
    if (event.key === 'Tab' && event.shiftKey) setShut(true)
    if (!open || event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return false
    const one = found[chosen]
    switch (event.key) {
      case 'ArrowDown':
      case 'ArrowUp':
        setPlace((chosen + (event.key === 'ArrowDown' ? 1 : found.length - 1)) % found.length)
        break
      case 'Enter':
      case 'Tab':
        if (!one) return false
        choose(one)
        break
      case 'Escape':
        setShut(true)
        break
      default:
        return false
    }
    event.preventDefault()
    event.stopPropagation()
    return true
  }
  const command = commandOf(text, commands)
  return {
    open,
    found,
    chosen,
    choose,
    takes,
    typed: (now: string) => {
      write(now)
      setPlace(0)
      setShut(false)
    },
    close: () => setShut(true),
    usage: command ? `${command.usage}: ${command.about}` : '',
  }
}

interface MenuProps {
  id: string
  found: readonly Suggestion[]
  chosen: number
  onChoose: (one: Suggestion) => void
}

function Menu({ id, found, chosen, onChoose }: MenuProps) {
  return (
    <ul id={id} role="listbox" aria-label="Commands" tabIndex={0} className={classes.menu}>
      {found.map((one, place) => (
        <li
          key={one.label}
          id={`${id}-${place}`}
          role="option"
          aria-selected={place === chosen}
          className={classes.option}
          // Before the field loses the focus.
          onMouseDown={(event) => {
            event.preventDefault()
            onChoose(one)
          }}
          ref={(element) => {
            if (place === chosen) element?.scrollIntoView({ block: 'nearest' })
          }}
        >
          <code>{one.label}</code>
          <span>{one.about}</span>
        </li>
      ))}
    </ul>
  )
}

function Files({ files, sending, onDetach }: { files: readonly AttachmentView[]; sending: readonly string[]; onDetach: (file: AttachmentView) => void }) {
  if (files.length === 0 && sending.length === 0) return null
  return (
    <ul className={classes.files} aria-label="Files to send">
      {files.map((file) => (
        <li key={file.id} className={classes.file} title={file.note ?? undefined}>
          {file.readable ? <IconFileText size={14} aria-hidden /> : <IconAlertTriangle size={14} role="img" aria-label="A model cannot read it" />}
          <bdi>{file.name}</bdi>
          <span className={classes.size}>{bytes(file.size)}</span>
          <ActionIcon size="xs" variant="subtle" color="gray" aria-label={`Remove ${file.name}`} onClick={() => onDetach(file)}>
            <IconX size={13} />
          </ActionIcon>
        </li>
      ))}
      {sending.map((name) => (
        <li key={name} className={classes.file} data-sending>
          <IconFileText size={14} aria-hidden />
          <bdi>{name}</bdi>
          <span className={classes.size}>on its way</span>
        </li>
      ))}
    </ul>
  )
}
