import { Alert, Badge, Button, Group, Loader, Text, Textarea } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useCallback, useEffect, useRef, useState } from 'react'

import { api, ask, isStatus, Refusal, sentence } from '@/api/client'
import type { ApprovalView } from '@/api/generated/schema'
import { plural } from '@/ui/format'
import type { FieldSchema, Values } from '@/ui/form/schema'
import { SchemaForm } from '@/ui/form/SchemaForm'
import { Markdown } from '@/ui/Markdown'
import { Moment } from '@/ui/moments'
import { done } from '@/ui/toast'
import { person } from '@/ui/triggers'
import { useDraft } from './draft'
import classes from './Inbox.module.css'

/** One question: what is asked, what was answered so far, and the form of an answer. */
export function Question({ project, approval }: { project: string; approval: ApprovalView }) {
  const open = approval.status === 'open'
  const article = useRef<HTMLElement>(null)
  const wasOpen = useRef(open)
  // The button that was pressed is gone: whoever goes by keys goes on from the question.
  const regainFocus = useCallback(() => {
    if (document.activeElement === document.body) article.current?.focus({ preventScroll: true })
  }, [])
  useEffect(() => {
    if (wasOpen.current && !open) regainFocus()
    wasOpen.current = open
  }, [open, regainFocus])
  return (
    <article ref={article} tabIndex={-1} className={classes.question} aria-label="Question">
      <Group gap="xs">
        <Link to="/p/$project/runs/$run" params={{ project, run: approval.run }}>
          <bdi>{approval.task_title ?? approval.task}</bdi>
        </Link>
        <Text size="sm" c="dimmed">
          at step <code>{approval.path}</code>
        </Text>
        {!open && <Badge tt="none">{approval.status === 'answered' ? `answered: ${label(approval.choice ?? '')}` : ENDED[approval.status]}</Badge>}
        {approval.due_at && open && (
          <Text size="sm" c="dimmed" ms="auto">
            due <Moment at={approval.due_at} /> (<Moment at={approval.due_at} as="minute" />)
          </Text>
        )}
      </Group>
      <div className={classes.asked}>
        <Markdown text={approval.question} />
      </div>
      <Given approval={approval} />
      {open && <Answer approval={approval} onRefused={regainFocus} />}
    </article>
  )
}

function Given({ approval }: { approval: ApprovalView }) {
  const { answers, quorum, status } = approval
  return (
    <>
      {quorum > 1 && status === 'open' && (
        <Text size="sm" c="dimmed">
          {plural(quorum, 'person', 'people')} must answer; {answers.length} did.
        </Text>
      )}
      {answers.map((answer) => (
        <Text key={answer.person} size="sm">
          {person(answer.person)} chose <strong>{label(answer.choice)}</strong> <Moment at={answer.at} />
          {answer.note && <>: <bdi>{answer.note}</bdi></>}
        </Text>
      ))}
    </>
  )
}

function Answer({ approval, onRefused }: { approval: ApprovalView; onRefused: () => void }) {
  const [draft, setDraft, forget] = useDraft(approval.id)
  const [chosen, setChosen] = useState<string | null>(null)
  const client = useQueryClient()
  const answer = useMutation({
    mutationFn: (choice: string) =>
      ask(
        api.POST('/api/v1/approvals/{approval}/answer', {
          params: { path: { approval: approval.id } },
          body: { choice, form: draft.form as Record<string, never>, note: draft.note || null },
        }),
      ),
    onSuccess: ({ closed, choice }) => {
      forget()
      done(closed ? `Answered: ${label(choice)}. The run goes on.` : `Your answer “${label(choice)}” is saved; others must answer too.`)
    },
    onSettled: () => client.invalidateQueries({ queryKey: ['approvals'] }),
  })
  useEffect(() => {
    if (answer.error) onRefused()
  }, [answer.error, onRefused])
  const send = (choice: string) => {
    if (answer.isPending) return
    setChosen(choice)
    answer.mutate(choice)
  }
  const errors = answer.error instanceof Refusal ? answer.error.byPath : {}
  return (
    <div className={classes.answer}>
      {answer.error && (
        <Alert color="red" variant="light" role="alert" title={isStatus(answer.error, 409) ? 'Somebody was first' : 'Your answer was not taken'}>
          {sentence(answer.error)}
        </Alert>
      )}
      {approval.form && (
        <SchemaForm
          schema={approval.form as FieldSchema}
          values={draft.form}
          onChange={(form: Values) => setDraft({ ...draft, form })}
          errors={errors}
        />
      )}
      <Textarea
        label="Note"
        description="Kept with your answer"
        autosize
        minRows={2}
        maxLength={2000}
        value={draft.note}
        onChange={({ currentTarget }) => setDraft({ ...draft, note: currentTarget.value })}
      />
      <Group gap="xs">
        {approval.choices.map((choice, place) => (
          <Button
            key={choice}
            variant={place === 0 ? 'filled' : 'default'}
            // The one that was pressed keeps the focus while it is sent: it is not disabled, but does nothing.
            aria-disabled={answer.isPending}
            rightSection={answer.isPending && chosen === choice && <Loader size={14} color="currentColor" aria-hidden />}
            disabled={answer.isPending && chosen !== choice}
            onClick={() => send(choice)}
          >
            {label(choice)}
          </Button>
        ))}
      </Group>
    </div>
  )
}

/** Why a question is open no more, though nobody answered. */
const ENDED: Record<string, string> = { expired: 'not answered in time', withdrawn: 'withdrawn: its run has ended' }

/** `yes_please` as `Yes please`. */
const label = (choice: string): string => {
  const words = choice.replaceAll('_', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}
