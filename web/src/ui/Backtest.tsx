import { Badge, Button, Group, Modal, NumberInput, Text } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'

import { sentence } from '@/api/client'
import type { BacktestedRun } from '@/api/generated/schema'
import { backtest, type Tried } from '@/api/backtest'
import { money, plural, shortId } from './format'
import classes from './Backtest.module.css'

const VERDICTS: Record<BacktestedRun['verdict'], { label: string; color: string }> = {
  same: { label: 'the same', color: 'green' },
  changed: { label: 'differs', color: 'orange' },
  unknown: { label: 'cannot be told', color: 'gray' },
  refused: { label: 'would not start', color: 'red' },
}

/** What a version or a draft would have made of the last runs; nothing is asked of the world. */
export function Backtest({ project, tried, title, close }: { project: string; tried: Tried; title: string; close: () => void }) {
  const [runs, setRuns] = useState(10)
  const attempt = useMutation({ mutationFn: () => backtest(project, tried, runs) })
  return (
    <Modal opened onClose={close} title={title} size="lg">
      <Text size="sm" c="dimmed" mb="sm">
        Models, tools and people answer from the records of earlier runs. Nothing leaves the machine and nothing is kept.
      </Text>
      <Group align="flex-end" gap="xs">
        <NumberInput label="Last runs" min={1} max={100} w={110} value={runs} onChange={(number) => setRuns(Math.min(100, Math.max(1, Number(number) || 1)))} />
        <Button loading={attempt.isPending} onClick={() => attempt.mutate()}>
          Try it
        </Button>
      </Group>
      {attempt.error && (
        <Text mt="md" size="sm" role="alert" c="var(--mantine-color-error)">
          {sentence(attempt.error)}
        </Text>
      )}
      {attempt.data && (
        <section aria-label="Result of the backtest">
          <Text size="sm" mt="md" fw={500}>
            {summed(attempt.data.runs)}
          </Text>
          <ul className={classes.runs}>
            {attempt.data.runs.map((one) => (
              <li key={one.run}>
                <One project={project} one={one} />
              </li>
            ))}
          </ul>
        </section>
      )}
    </Modal>
  )
}

function summed(runs: readonly BacktestedRun[]): string {
  if (runs.length === 0) return 'There is no ended run to try it on.'
  const count = (verdict: BacktestedRun['verdict']) => runs.filter((one) => one.verdict === verdict).length
  const spent = runs.reduce((total, one) => total + Number(one.usage.usd) - Number(one.usage_before.usd), 0)
  const cost = Math.abs(spent) < 1e-9 ? '' : `; they would cost ${money(Math.abs(spent))} ${spent > 0 ? 'more' : 'less'}`
  return `Of ${plural(runs.length, 'run')} ${count('same')} come out the same, ${count('changed')} differ, ${count('unknown') + count('refused')} cannot be told${cost}.`
}

function One({ project, one }: { project: string; one: BacktestedRun }) {
  const { label, color } = VERDICTS[one.verdict]
  return (
    <details>
      <summary>
        <Badge size="sm" variant="light" color={color} tt="none">
          {label}
        </Badge>
        <Link to="/p/$project/runs/$run" params={{ project, run: one.run }}>
          {shortId(one.run)}
        </Link>
        <span>
          {one.status_before}
          {one.status && one.status !== one.status_before ? ` → ${one.status}` : ''}
        </span>
      </summary>
      <Told title="What differs" lines={one.differences} />
      <Told title="Asked anew, so not known" lines={one.unanswered} />
      <Told title="No longer asked" lines={one.dropped} />
      {one.error && <Text size="sm">{one.error.message}</Text>}
    </details>
  )
}

function Told({ title, lines }: { title: string; lines: readonly string[] }) {
  if (lines.length === 0) return null
  return (
    <>
      <Text size="xs" c="dimmed" mt={4}>
        {title}
      </Text>
      <ul>
        {lines.map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
    </>
  )
}
