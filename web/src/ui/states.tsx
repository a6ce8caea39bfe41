import { Button, Code, Skeleton, Stack, Text, Title } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { type ReactNode, useEffect, useState } from 'react'

import { Refusal, sentence } from '@/api/client'
import { IconAlertTriangle, IconLock } from './icons'
import classes from './states.module.css'

/** The outline of what comes, once it takes noticeably long. */
export function Loading({ rows = 6 }: { rows?: number }) {
  const [late, setLate] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), 150)
    return () => clearTimeout(timer)
  }, [])
  return (
    <Stack gap="xs" role="status" aria-label="Loading" mih={rows * 36}>
      {late && Array.from({ length: rows }, (_, row) => <Skeleton key={row} height={28} />)}
    </Stack>
  )
}

interface EmptyProps {
  title: string
  children?: ReactNode
  action?: ReactNode
}

/** Nothing here: what would be, and how it comes to be. */
export function Empty({ title, children, action }: EmptyProps) {
  return (
    <div className={classes.state}>
      <Title order={2}>{title}</Title>
      {children && <div className={classes.text}>{children}</div>}
      {action}
    </div>
  )
}

/** Leads from an empty screen to what fills it. */
export function Lead({ to, project, children }: { to: '/p/$project/tasks' | '/p/$project/templates'; project: string; children: string }) {
  return <Button renderRoot={(props) => <Link to={to} params={{ project }} {...props} />}>{children}</Button>
}

/** What went wrong, what to do, and the number that the server's log knows it by. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const refusal = error instanceof Refusal ? error : null
  const forbidden = refusal?.status === 403
  const title = forbidden ? 'You may not see this' : refusal?.status === 404 ? 'Not found' : 'This could not be loaded'
  return (
    <div className={classes.state} role="alert">
      {forbidden ? <IconLock size={28} aria-hidden /> : <IconAlertTriangle size={28} aria-hidden />}
      <Title order={2}>{title}</Title>
      <Text className={classes.text}>{sentence(error)}</Text>
      {refusal?.problem.request_id && (
        <Text size="xs" c="dimmed">
          Request <Code>{refusal.problem.request_id}</Code>
        </Text>
      )}
      {retry && !forbidden && refusal?.status !== 404 && (
        <Button variant="default" onClick={retry}>
          Try again
        </Button>
      )}
    </div>
  )
}

interface Asked<Data> {
  data: Data | undefined
  error: unknown
  isPending: boolean
  refetch: () => unknown
}

/** A query's answer, or the state in which it is. What was loaded once stays while a later try fails. */
export function Answered<Data>({
  query,
  rows,
  children,
}: {
  query: Asked<Data>
  rows?: number
  children: (data: Data) => ReactNode
}) {
  if (query.data !== undefined) return <>{children(query.data)}</>
  if (query.isPending) return <Loading rows={rows ?? 6} />
  return <Failure error={query.error} retry={() => void query.refetch()} />
}
