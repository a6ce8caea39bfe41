import { Alert, Badge, Button, Group, Text, Textarea } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'

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
  return (
    <article className={classes.question} aria-label="Question">
      <Group gap="xs">
        <Link to="/p/$project/runs/$run" params={{ project, run: approval.run }}>
          {approval.task}
        </Link>
        <Text size="sm" c="dimmed">
          at step <code>{approval.path}</code>
        </Text>
        {!open && <Badge tt="none">{approval.status === 'answered' ? `answered: ${label(approval.choice ?? '')}` : approval.status}</Badge>}
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
      {open && <Answer approval={approval} />}
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
          {answer.note && <>: {answer.note}</>}
        </Text>
      ))}
    </>
  )
}

function Answer({ approval }: { approval: ApprovalView }) {
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
  const send = (choice: string) => {
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
            loading={answer.isPending && chosen === choice}
            disabled={answer.isPending}
            onClick={() => send(choice)}
          >
            {label(choice)}
          </Button>
        ))}
      </Group>
    </div>
  )
}

/** `yes_please` as `Yes please`. */
const label = (choice: string): string => {
  const words = choice.replaceAll('_', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}
