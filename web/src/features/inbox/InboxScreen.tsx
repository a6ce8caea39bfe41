import { SegmentedControl, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'

import { api, ask } from '@/api/client'
import type { ApprovalView } from '@/api/generated/schema'
import { approvalsQuery } from '@/api/queries'
import { firstLine } from '@/ui/format'
import { Moment } from '@/ui/moments'
import { Screen } from '@/ui/Screen'
import { Answered, Empty } from '@/ui/states'
import classes from './Inbox.module.css'
import { Question } from './Question'

const route = getRouteApi('/inside/p/$project/inbox')

/** Questions that hold runs: those that the reader may answer, or all. */
export function InboxScreen() {
  const { project } = route.useParams()
  const { all = false, approval } = route.useSearch()
  const navigate = useNavigate()
  const query = useQuery(approvalsQuery(project, !all))
  const show = (chosen: string) =>
    void navigate({ to: '.', search: { approval, all: chosen === 'all' || undefined }, replace: true })
  return (
    <Screen
      title="Inbox"
      actions={
        <SegmentedControl
          size="xs"
          aria-label="Whose questions"
          value={all ? 'all' : 'mine'}
          onChange={show}
          data={[
            { value: 'mine', label: 'For me' },
            { value: 'all', label: 'All open' },
          ]}
        />
      }
    >
      <Answered query={query} rows={4}>
        {(questions) => <Questions project={project} questions={questions} chosen={approval} all={all} />}
      </Answered>
    </Screen>
  )
}

interface QuestionsProps {
  project: string
  questions: readonly ApprovalView[]
  /** The one that the address asks for. */
  chosen: string | undefined
  /** Also those that others must answer. */
  all: boolean
}

function Questions({ project, questions, chosen, all }: QuestionsProps) {
  const shown = chosen ?? questions[0]?.id
  if (!shown) {
    return (
      <Empty title={all ? 'No run waits for an answer' : 'Nothing waits for you'}>
        When a task asks before it goes on, the question appears here: with what it wants to do, a form, and a deadline. A step asks like this:{' '}
        <code>{'{id: ok, approve: {question: "Send it?", choices: [send, drop]}}'}</code>
      </Empty>
    )
  }
  return (
    <div className={classes.columns}>
      <nav aria-label="Questions">
        {questions.length === 0 && (
          <Text size="sm" c="dimmed">
            {all ? 'Nothing else is open.' : 'Nothing else waits for you.'}
          </Text>
        )}
        <ul className={classes.list} hidden={questions.length === 0}>
          {questions.map((one) => (
            <li key={one.id}>
              <Link
                to="/p/$project/inbox"
                params={{ project }}
                search={(before) => ({ ...before, approval: one.id })}
                className={classes.item}
                data-selected={one.id === shown || undefined}
                aria-current={one.id === shown || undefined}
              >
                <span className={classes.title}>
                  <bdi>{firstLine(one.question)}</bdi>
                </span>
                <Text size="xs" c="dimmed">
                  <bdi>{one.task_title ?? one.task}</bdi> · asked <Moment at={one.created_at} />
                  {one.due_at && (
                    <>
                      {' '}
                      · due <Moment at={one.due_at} />
                    </>
                  )}
                </Text>
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      <Chosen key={shown} project={project} approval={shown} />
    </div>
  )
}

function Chosen({ project, approval }: { project: string; approval: string }) {
  const query = useQuery({
    queryKey: ['approvals', 'one', approval],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/approvals/{approval}', { params: { path: { approval } }, signal })),
  })
  return <Answered query={query}>{(found) => <Question project={project} approval={found} />}</Answered>
}
