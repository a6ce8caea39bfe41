import { Badge, Button, Group, Text } from '@mantine/core'
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'

import { api, ask } from '@/api/client'
import type { DeliveryView, TriggerView } from '@/api/generated/schema'
import { cards } from '@/ui/cards'
import { Confirm } from '@/ui/Confirm'
import { Moment } from '@/ui/moments'
import { Source } from '@/ui/Source'
import { Answered } from '@/ui/states'
import table from '@/ui/Table.module.css'
import { done } from '@/ui/toast'

/** What came to a webhook or mail trigger, and what became of it. What it said is never shown: it may be secret. */
export function Deliveries({ project, trigger, mayChange }: { project: string; trigger: TriggerView; mayChange: boolean }) {
  const path = { project, task: trigger.task, trigger: trigger.name }
  const query = useInfiniteQuery({
    queryKey: ['triggers', project, trigger.task, trigger.name, 'deliveries'],
    queryFn: ({ pageParam, signal }) =>
      ask(
        api.GET('/api/v1/projects/{project}/tasks/{task}/triggers/{trigger}/deliveries', {
          params: { path, query: { limit: 20, ...(pageParam ? { cursor: pageParam } : {}) } },
          signal,
        }),
      ),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor,
    refetchInterval: 15_000,
  })
  return (
    <>
      <Address project={project} trigger={trigger} mayChange={mayChange} />
      <Answered query={query} rows={2}>
        {({ pages }) => {
          const found = pages.flatMap((page) => page.items)
          if (found.length === 0)
            return (
              <Text size="sm" c="dimmed" mt="sm">
                Nothing has come yet.
              </Text>
            )
          return (
            <>
              <DeliveryTable project={project} trigger={trigger.name} deliveries={found} />
              {query.hasNextPage && (
                <Button mt="xs" size="compact-sm" variant="default" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                  Show earlier ones
                </Button>
              )}
            </>
          )
        }}
      </Answered>
    </>
  )
}

function Address({ project, trigger, mayChange }: { project: string; trigger: TriggerView; mayChange: boolean }) {
  const [asking, setAsking] = useState(false)
  const client = useQueryClient()
  const renew = useMutation({
    mutationFn: () =>
      ask(
        api.POST('/api/v1/projects/{project}/tasks/{task}/triggers/{trigger}/address', {
          params: { path: { project, task: trigger.task, trigger: trigger.name } },
        }),
      ),
    onSuccess: () => {
      done('The trigger has a new address')
      return client.invalidateQueries({ queryKey: ['triggers', project] })
    },
  })
  if (!trigger.address) return null
  return (
    <Group mt="sm" gap="xs" align="flex-start" wrap="nowrap">
      <div style={{ flex: 1, minWidth: 0 }}>
        <Source text={trigger.address} label={`Address of ${trigger.name}`} wrapped />
      </div>
      {mayChange && (
        <Button size="compact-sm" mt={8} variant="default" onClick={() => setAsking(true)}>
          New address …
        </Button>
      )}
      {asking && (
        <Confirm title={`Give ${trigger.name} a new address?`} act="New address" onConfirm={() => renew.mutateAsync()} close={() => setAsking(false)}>
          The old address leads nowhere from now on: tell the new one to whoever sends here.
        </Confirm>
      )}
    </Group>
  )
}

const GOOD = new Set(['started', 'queued', 'answered'])

function DeliveryTable({ project, trigger, deliveries }: { project: string; trigger: string; deliveries: readonly DeliveryView[] }) {
  return (
    <div className={table.wrap} style={{ marginTop: 12 }}>
      <table className={table.table} aria-label={`What came to ${trigger}`} {...cards(['When', 'Delivery', 'Outcome', 'Why', 'Run'])}>
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">Delivery</th>
            <th scope="col">Outcome</th>
            <th scope="col">Why</th>
            <th scope="col">Run</th>
          </tr>
        </thead>
        <tbody>
          {deliveries.map((one) => (
            <tr key={one.id}>
              <td>
                <Moment at={one.received_at} as="absolute" />
              </td>
              <td className={table.dim}>
                <span className={table.clip}>
                  <bdi>{one.delivery ?? '–'}</bdi>
                </span>
              </td>
              <td>
                <Badge size="sm" variant="light" tt="none" color={GOOD.has(one.outcome) ? 'green' : one.outcome === 'refused' || one.outcome === 'failed_to_start' ? 'red' : 'gray'}>
                  {one.outcome.replaceAll('_', ' ')}
                </Badge>
                {one.count > 1 && ` ${one.count} times`}
              </td>
              <td className={table.dim}>
                <span className={table.clip} title={one.reason ?? undefined}>
                  {one.reason ?? ''}
                </span>
              </td>
              <td>
                {one.run && (
                  <Link to="/p/$project/runs/$run" params={{ project, run: one.run }}>
                    run
                  </Link>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
