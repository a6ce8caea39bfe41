import { Badge, Button, Checkbox, Group, Modal, NumberInput, Text } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'

import { sentence } from '@/api/client'
import type { Backtest as Found, BacktestedRun } from '@/api/generated/schema'
import { backtest, type LiveBudget, type Tried } from '@/api/backtest'
import { count, money, plural, shortId } from './format'
import { useMay } from './rights'
import { Rows } from './Rows'
import table from './Table.module.css'
import classes from './Backtest.module.css'

const VERDICTS: Record<BacktestedRun['verdict'], { label: string; color: string }> = {
  same: { label: 'the same', color: 'green' },
  changed: { label: 'differs', color: 'orange' },
  unknown: { label: 'cannot be told', color: 'gray' },
  refused: { label: 'would not start', color: 'red' },
}
const MOST_RUNS = 200

/** What a version or a draft would have made of the last runs; real models are asked only where somebody says so. */
export function Backtest({ project, tried, title, close }: { project: string; tried: Tried; title: string; close: () => void }) {
  const [runs, setRuns] = useState(10)
  const [live, setLive] = useState(false)
  const [budget, setBudget] = useState<LiveBudget>({ usd: 0.5 })
  const mayPay = useMay(project)('task.run')
  const attempt = useMutation({ mutationFn: () => backtest(project, tried, runs, live ? budget : null) })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    attempt.mutate()
  }
  const bounded = Object.values(budget).some((bound) => bound !== undefined)
  return (
    <Modal opened onClose={close} title={title} size="xl">
      <Text size="sm" c="dimmed" mb="sm">
        {live
          ? 'Tools and people answer from the records of earlier runs; real models are asked for what the records cannot answer. Nothing else leaves the machine.'
          : 'Models, tools and people answer from the records of earlier runs. Nothing leaves the machine and nothing is kept.'}
      </Text>
      <form onSubmit={submit}>
        <Group align="flex-end" gap="xs">
          <NumberInput label="Last runs" min={1} max={MOST_RUNS} w={110} value={runs} onChange={(number) => setRuns(Math.min(MOST_RUNS, Math.max(1, Number(number) || 1)))} />
          <Button type="submit" loading={attempt.isPending} disabled={live && !bounded}>
            {live ? 'Try it and pay for it' : 'Try it'}
          </Button>
        </Group>
        {mayPay && <Checkbox mt="sm" label="Ask real models for what the records cannot answer" checked={live} onChange={({ currentTarget }) => setLive(currentTarget.checked)} />}
        {live && <Budget budget={budget} set={(part) => setBudget({ ...budget, ...part })} />}
      </form>
      {attempt.error && (
        <Text mt="md" size="sm" role="alert" c="var(--mantine-color-error)">
          {sentence(attempt.error)}
        </Text>
      )}
      {attempt.data && <Result project={project} found={attempt.data} />}
    </Modal>
  )
}

function Budget({ budget, set }: { budget: LiveBudget; set: (part: LiveBudget) => void }) {
  const bound = (value: string | number) => (value === '' ? undefined : Number(value))
  return (
    <fieldset className={classes.budget}>
      <legend>At most, in all runs together</legend>
      <Group align="flex-end" gap="xs">
        <NumberInput label="US dollars" prefix="$" min={0} decimalScale={4} step={0.1} w={120} value={budget.usd ?? ''} onChange={(value) => set({ usd: bound(value) })} />
        <NumberInput label="Tokens" min={0} allowDecimal={false} thousandSeparator="," w={120} value={budget.tokens ?? ''} onChange={(value) => set({ tokens: bound(value) })} />
        <NumberInput label="Requests" min={0} allowDecimal={false} w={120} value={budget.requests ?? ''} onChange={(value) => set({ requests: bound(value) })} />
      </Group>
    </fieldset>
  )
}

function Result({ project, found: { runs, live } }: { project: string; found: Found }) {
  return (
    <section aria-label="Result of the backtest">
      <Text size="sm" mt="md" mb={6} fw={500}>
        {summed(runs)}
      </Text>
      {live && (
        <Text size="sm" mb={6}>
          Real models were asked {plural(live.paid.requests, 'time')}, for {money(Number(live.paid.usd))}.
          {live.used_up && ' The budget did not last: some calls are unanswered for want of it.'}
        </Text>
      )}
      {runs.length > 0 && (
        <Rows label="Runs walked again" columns={['Run', 'Comes out', 'Outcome', '#Tokens', '#Cost', ...(live ? ['#Paid now'] : []), 'What differs']}>
          {runs.map((one) => (
            <One key={one.run} project={project} one={one} live={live !== null} />
          ))}
        </Rows>
      )}
    </section>
  )
}

function summed(runs: readonly BacktestedRun[]): string {
  if (runs.length === 0) return 'There is no ended run to try it on.'
  const number = (verdict: BacktestedRun['verdict']) => runs.filter((one) => one.verdict === verdict).length
  const spent = runs.reduce((total, one) => total + Number(one.usage.usd) - Number(one.usage_before.usd), 0)
  const cost = Math.abs(spent) < 1e-9 ? '' : `; they would cost ${money(Math.abs(spent))} ${spent > 0 ? 'more' : 'less'}`
  return `Of ${plural(runs.length, 'run')} ${number('same')} come out the same, ${number('changed')} differ, ${number('unknown') + number('refused')} cannot be told${cost}.`
}

function One({ project, one, live }: { project: string; one: BacktestedRun; live: boolean }) {
  const { label, color } = VERDICTS[one.verdict]
  const tokens = ({ input_tokens, output_tokens }: BacktestedRun['usage']) => count(input_tokens + output_tokens)
  return (
    <tr>
      <td>
        <Link to="/p/$project/runs/$run" params={{ project, run: one.run }}>
          {shortId(one.run)}
        </Link>
      </td>
      <td>
        <Badge size="sm" variant="light" color={color} tt="none">
          {label}
        </Badge>
      </td>
      <td>{changed(one.status_before, one.status ?? one.status_before)}</td>
      <td className={table.number}>{changed(tokens(one.usage_before), tokens(one.usage))}</td>
      <td className={table.number}>{changed(money(Number(one.usage_before.usd)), money(Number(one.usage.usd)))}</td>
      {live && <td className={table.number}>{one.paid.requests ? money(Number(one.paid.usd)) : '–'}</td>}
      <td className={classes.told}>
        <Told lines={one.differences} />
        <Told title="Asked anew, so not known" lines={one.unanswered} />
        <Told title="Asked of real models" lines={one.asked} />
        <Told title="No longer asked" lines={one.dropped} />
        {one.error && <span>{one.error.message}</span>}
      </td>
    </tr>
  )
}

/** `3`, or `3 → 5` where it is another one now. */
const changed = (before: string, after: string): string => (before === after ? before : `${before} → ${after}`)

const SHOWN = 5

function Told({ title, lines }: { title?: string; lines: readonly string[] }) {
  if (lines.length === 0) return null
  const rest = lines.slice(SHOWN)
  return (
    <>
      {title && <span className={table.dim}>{title}: </span>}
      <ul>
        {lines.slice(0, SHOWN).map((line) => (
          <li key={line}>
            <bdi>{line}</bdi>
          </li>
        ))}
      </ul>
      {rest.length > 0 && (
        <details>
          <summary>{plural(rest.length, 'more line')}</summary>
          <ul>
            {rest.map((line) => (
              <li key={line}>
                <bdi>{line}</bdi>
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  )
}
