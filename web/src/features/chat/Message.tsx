import { ActionIcon, Alert, Button, Group, Text, Textarea } from '@mantine/core'
import { Component, memo, type ReactNode, useState } from 'react'

import type { MessageView } from '@/api/generated/schema'
import { useCopy } from '@/ui/copying'
import { count, duration, money } from '@/ui/format'
import { IconCheck, IconCopy, IconPencil, IconRefresh } from '@/ui/icons'
import { Markdown } from '@/ui/Markdown'
import { Moment, useNow } from '@/ui/moments'
import { failed } from '@/ui/toast'
import { person } from '@/ui/triggers'
import { CardOf } from './cards/CardOf'
import { useDesk } from './desk'
import classes from './Message.module.css'
import { callIn, cardIn, fileIn, isReasoning, isWords, type Part, shownParts, wordsIn, wordsOf } from './parts'
import { Again } from './Refused'
import type { Answer } from './talk'
import { type Choice, ToolCall } from './ToolCall'

interface MessageProps {
  message: MessageView
  /** Who talks in the thread. */
  owner: string
  /** What is on its way of it. */
  live: Answer | null
  /** Nothing follows it. */
  last: boolean
  /** An answer is being written somewhere in the thread. */
  busy: boolean
  onEdit: (text: string, files: readonly Part[]) => Promise<boolean>
  onAgain: () => void
  onClick: (parts: readonly Part[]) => void
}

/** One message: what a person said, or an answer with its words, calls and cards. */
export function Message(props: MessageProps) {
  return props.message.role === 'user' ? <Said {...props} /> : <Answered {...props} />
}

const LONG = 1500

function Said({ message, owner, busy, onEdit }: MessageProps) {
  const { mine } = useDesk()
  const [editing, setEditing] = useState(false)
  const [whole, setWhole] = useState(false)
  const text = wordsOf(message.parts)
  const files = message.parts.filter((part) => fileIn(part))
  const cut = !whole && (text.length > LONG || text.split('\n').length > 24)
  return (
    <article className={classes.said} aria-label={mine ? 'You' : person(owner)}>
      <header className={classes.head}>
        <strong>
          <bdi>{mine ? 'You' : person(owner)}</bdi>
        </strong>
        <Text size="xs" c="dimmed">
          <Moment at={message.created_at} />
        </Text>
        {mine && !editing && !busy && (
          <ActionIcon className={classes.act} variant="subtle" color="gray" size="sm" aria-label="Edit this message" title="Edit, and answer anew" onClick={() => setEditing(true)}>
            <IconPencil size={14} />
          </ActionIcon>
        )}
      </header>
      {editing ? (
        <Edit text={text} close={() => setEditing(false)} onSend={(now) => onEdit(now, files)} />
      ) : (
        <>
          <div className={classes.words} data-cut={cut || undefined} dir="auto">
            {text}
          </div>
          {cut && (
            <Button size="compact-xs" variant="subtle" onClick={() => setWhole(true)}>
              Show the whole
            </Button>
          )}
        </>
      )}
      {files.length > 0 && (
        <ul className={classes.files} aria-label="Files">
          {files.map((part) => {
            const file = fileIn(part)
            return (
              file && (
                <li key={file.id}>
                  <a href={`/api/v1/attachments/${encodeURIComponent(file.id)}`} download>
                    <bdi>{file.name}</bdi>
                  </a>
                </li>
              )
            )
          })}
        </ul>
      )}
    </article>
  )
}

function Edit({ text, close, onSend }: { text: string; close: () => void; onSend: (text: string) => Promise<boolean> }) {
  const [now, setNow] = useState(text)
  const [sending, setSending] = useState(false)
  const send = async () => {
    setSending(true)
    if (await onSend(now.trim())) close()
    setSending(false)
  }
  return (
    <div className={classes.edit}>
      <Textarea aria-label="Message, edited" autosize minRows={2} maxRows={16} data-autofocus autoFocus value={now} onChange={({ currentTarget }) => setNow(currentTarget.value)} />
      <Group gap="xs">
        <Button size="compact-sm" loading={sending} disabled={!now.trim()} onClick={() => void send()}>
          Send
        </Button>
        <Button size="compact-sm" variant="default" onClick={close}>
          Leave it
        </Button>
        <Text size="xs" c="dimmed">
          What followed it is put aside; what was done stays done.
        </Text>
      </Group>
    </div>
  )
}

function Answered({ message, live, last, busy, onAgain, onClick }: MessageProps) {
  const { mine } = useDesk()
  const [copied, copy] = useCopy(failed)
  const words = wordsOf(message.parts)
  const tokens = message.usage.input_tokens + message.usage.output_tokens
  const failure = live?.error ?? message.error
  return (
    <article className={classes.answer} aria-label="Answer" aria-busy={live !== null}>
      <header className={classes.head}>
        <strong>Errands</strong>
        <Text size="xs" c="dimmed">
          {live ? <Underway live={live} /> : <Moment at={message.created_at} />}
          {message.model && ` · ${message.model}`}
        </Text>
        {tokens > 0 && (
          <Text size="xs" c="dimmed" className="figures" title={`${count(message.usage.input_tokens)} tokens in, ${count(message.usage.output_tokens)} out, ${message.usage.requests} requests, ${message.usage.tool_calls} tool calls`}>
            {count(tokens)} tokens · {money(Number(message.usage.usd))}
          </Text>
        )}
        {!live && (
          <span className={classes.act}>
            {words && (
              <ActionIcon variant="subtle" color="gray" size="sm" aria-label={copied ? 'Copied' : 'Copy the answer'} title="Copy" onClick={() => copy(words)}>
                {copied ? <IconCheck size={14} /> : <IconCopy size={14} />}
              </ActionIcon>
            )}
            {mine && last && !busy && (
              <ActionIcon variant="subtle" color="gray" size="sm" aria-label="Answer again" title="Answer again" onClick={onAgain}>
                <IconRefresh size={14} />
              </ActionIcon>
            )}
          </span>
        )}
      </header>
      <Parts message={message} live={live !== null} onClick={onClick} />
      {message.status === 'cancelled' && (
        <Text size="sm" c="dimmed">
          Stopped. What there is of it is kept.
        </Text>
      )}
      {failure && (
        <Alert color="red" variant="light" role="alert" title={live || message.model ? 'The answer could not be finished' : 'That did not work'}>
          <Markdown text={failure} />
          {mine && last && !busy && <Again onClick={onAgain}>Answer again</Again>}
        </Alert>
      )}
    </article>
  )
}

/** How long it has been going on, and how. */
function Underway({ live }: { live: Answer }) {
  const now = useNow(1000)
  const seconds = Math.max(0, Math.round((now - live.since) / 1000))
  const told = { sending: 'sending …', answering: 'answering …', reconnecting: 'the connection was cut; the answer goes on and is looked for …' }
  return (
    <span className={classes.underway} role="status">
      {told[live.phase]}
      {seconds >= 5 && <span aria-hidden> {duration(seconds)}</span>}
    </span>
  )
}

function Parts({ message, live, onClick }: { message: MessageView; live: boolean; onClick: (parts: readonly Part[]) => void }) {
  const parts = live ? message.parts : shownParts(message.parts)
  const { mine } = useDesk()
  const asks = mine && message.status === 'asks' && !live
  const waiting = asks ? message.parts.flatMap((part) => (part.state === 'approval-requested' ? [String(part.toolCallId)] : [])) : []
  const [choices, setChoices] = useState<Record<string, Choice>>({})
  const choose = (call: string, choice: Choice) => {
    const now = { ...choices, [call]: choice }
    setChoices(now)
    // The server takes the answers to all calls at once.
    if (waiting.every((id) => now[id])) onClick(message.parts.map((part) => clicked(part, now)))
  }
  return parts.map((part, place) => (
    <Sound key={place}>
      <OnePart part={part} ended={!live && message.status !== 'asks'} waits={waiting.includes(String(part.toolCallId))} choice={choices[String(part.toolCallId)]} onChoose={choose} />
    </Sound>
  ))
}

function clicked(part: Part, choices: Record<string, Choice>): Part {
  const choice = choices[String(part.toolCallId)]
  const call = callIn(part)
  if (!choice || part.state !== 'approval-requested' || !call) return part
  const reason = choice.reason ? { reason: choice.reason } : {}
  return { ...part, state: 'approval-responded', approval: { id: call.approval ?? '', approved: choice.allowed, ...reason } }
}

interface OnePartProps {
  part: Part
  ended: boolean
  waits: boolean
  choice: Choice | undefined
  onChoose: (call: string, choice: Choice) => void
}

const OnePart = memo(function OnePart({ part, ended, waits, choice, onChoose }: OnePartProps) {
  if (isWords(part)) return wordsIn(part) ? <Markdown text={wordsIn(part)} /> : null
  if (isReasoning(part)) {
    return wordsIn(part) ? (
      <details className={classes.thinking}>
        <summary>Thinking</summary>
        <Markdown text={wordsIn(part)} />
      </details>
    ) : null
  }
  const call = callIn(part)
  if (call) return <ToolCall call={call} ended={ended} waits={waits} choice={choice} onChoose={(given) => onChoose(call.id, given)} />
  const card = cardIn(part)
  return card && <CardOf card={card} />
}, same)

/** Drawn anew only where something of it has changed: an answer may have hundreds of parts. */
function same(before: OnePartProps, now: OnePartProps): boolean {
  return before.part === now.part && before.ended === now.ended && before.waits === now.waits && before.choice === now.choice && !now.waits
}

/** A part that cannot be shown takes nothing else along. */
class Sound extends Component<{ children: ReactNode }, { broken: boolean }> {
  override state = { broken: false }

  static getDerivedStateFromError() {
    return { broken: true }
  }

  override render() {
    return this.state.broken ? <Text size="sm">A part of this answer cannot be shown here.</Text> : this.props.children
  }
}
