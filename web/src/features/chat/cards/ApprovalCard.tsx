import { Alert, Badge, Button, Group, Text, Textarea } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'

import { isStatus, Refusal, sentence } from '@/api/client'
import type { ApprovalView, JsonValue } from '@/api/generated/schema'
import { projectQuery } from '@/api/queries'
import { type FieldSchema, type Values } from '@/ui/form/schema'
import { SchemaForm } from '@/ui/form/SchemaForm'
import { plural } from '@/ui/format'
import { IconChecklist } from '@/ui/icons'
import { Markdown } from '@/ui/Markdown'
import { Moment } from '@/ui/moments'
import { person } from '@/ui/triggers'
import { useDesk } from '../desk'
import type { Card } from '../parts'
import { answerApproval, approvalQuery } from '../queries'
import { CardFrame } from './CardFrame'
import { ClickRefused, Dismiss, Idle } from './Clicks'
import { useDecision } from './useDecision'

interface Given {
  choice: string
  form: Record<string, JsonValue>
  note: string
}

/** A question of a run, answered by a click on its card. */
export function ApprovalCard({ card }: { card: Card }) {
  const decision = useDecision(card)
  const { click, may } = decision
  const approval = String(card.data.approval)
  const { data: now } = useQuery(approvalQuery(approval))
  const open = now?.status === 'open'
  return (
    <QuestionFrame question={String(card.data.question)} task={String(card.data.task)} run={String(card.data.run)} due={card.data.due_at} now={now}>
      {may && open && (
        <AnswerForm
          approval={now}
          busy={click.isPending}
          chosen={click.isPending ? String(click.variables.values?.choice) : null}
          error={click.error}
          onAnswer={({ choice, form, note }) => click.mutate({ action: 'answer', values: { choice, form, note: note || null } })}
          beside={<Dismiss decision={decision} />}
        />
      )}
      {!may && <ClickRefused decision={decision} />}
      {(!now || open) && <Idle decision={decision} />}
    </QuestionFrame>
  )
}

/** A question that a run has come to while the thread follows it: answered as in the inbox. */
export function OpenQuestion({ approval }: { approval: string }) {
  const { project } = useDesk()
  const { data: now } = useQuery(approvalQuery(approval))
  const { data: own } = useQuery(projectQuery(project))
  const client = useQueryClient()
  const answer = useMutation({
    mutationFn: ({ choice, form, note }: Given) => answerApproval(approval, choice, form, note || null),
    onSettled: () => client.invalidateQueries({ queryKey: ['approvals'] }),
  })
  if (!now) return null
  return (
    <QuestionFrame question={now.question} task={now.task} run={now.run} due={now.due_at} now={now}>
      {now.status === 'open' && own?.rights.includes('approval.answer') && (
        <AnswerForm approval={now} busy={answer.isPending} chosen={answer.isPending ? answer.variables.choice : null} error={answer.error} onAnswer={answer.mutate} />
      )}
    </QuestionFrame>
  )
}

interface QuestionFrameProps {
  question: string
  task: string
  run: string
  due: JsonValue | undefined
  now: ApprovalView | undefined
  children: React.ReactNode
}

function QuestionFrame({ question, task, run, due, now, children }: QuestionFrameProps) {
  const { project } = useDesk()
  return (
    <CardFrame
      label="Question"
      title={
        <Link to="/p/$project/runs/$run" params={{ project, run }}>
          {task}
        </Link>
      }
      Icon={IconChecklist}
      standing={now && now.status !== 'open' && <Badge tt="none">{inWords(now)}</Badge>}
    >
      <Markdown text={question} />
      {now?.answers.map((one) => (
        <Text key={one.person} size="sm">
          {person(one.person)} chose <strong>{one.choice}</strong> <Moment at={one.at} />
          {one.note && <>: {one.note}</>}
        </Text>
      ))}
      {now?.status === 'open' && typeof due === 'string' && (
        <Text size="xs" c="dimmed">
          due <Moment at={due} /> (<Moment at={due} as="minute" />)
        </Text>
      )}
      {now?.status === 'open' && now.quorum > 1 && (
        <Text size="xs" c="dimmed">
          {plural(now.quorum, 'person', 'people')} must answer; {now.answers.length} did.
        </Text>
      )}
      {now && ['expired', 'withdrawn'].includes(now.status) && (
        <Text size="sm" c="dimmed">
          {now.status === 'expired' ? 'Its deadline has passed; the run went on as its task says.' : 'The run has ended without an answer.'} Nothing is left to
          answer.
        </Text>
      )}
      {children}
    </CardFrame>
  )
}

const inWords = (approval: ApprovalView): string =>
  approval.status === 'answered' ? `answered: ${approval.choice ?? ''}` : approval.status

interface AnswerFormProps {
  approval: ApprovalView
  busy: boolean
  /** The choice that is on its way. */
  chosen: string | null
  error: unknown
  onAnswer: (given: Given) => void
  beside?: React.ReactNode
}

function AnswerForm({ approval, busy, chosen, error, onAnswer, beside }: AnswerFormProps) {
  const [form, setForm] = useState<Values>({})
  const [note, setNote] = useState('')
  const errors = error instanceof Refusal ? error.byPath : {}
  return (
    <>
      {error !== null && error !== undefined && (
        <Alert color="red" variant="light" role="alert" title={isStatus(error, 409) ? 'Somebody was first' : 'Your answer was not taken'}>
          {sentence(error)}
        </Alert>
      )}
      {approval.form && <SchemaForm schema={approval.form as FieldSchema} values={form} onChange={setForm} errors={errors} disabled={busy} />}
      <Textarea label="Note" autosize minRows={1} maxRows={6} maxLength={2000} value={note} onChange={({ currentTarget }) => setNote(currentTarget.value)} />
      <Group gap="xs">
        {approval.choices.map((choice, place) => (
          <Button
            key={choice}
            size="compact-md"
            variant={place === 0 ? 'filled' : 'default'}
            loading={chosen === choice}
            disabled={busy}
            onClick={() => onAnswer({ choice, form, note })}
          >
            {label(choice)}
          </Button>
        ))}
        {beside}
      </Group>
    </>
  )
}

/** `yes_please` as `Yes please`. */
const label = (choice: string): string => {
  const words = choice.replaceAll('_', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}
