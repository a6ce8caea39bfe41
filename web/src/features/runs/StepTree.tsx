import { useNavigate } from '@tanstack/react-router'
import { useVirtualizer } from '@tanstack/react-virtual'
import { type KeyboardEvent, memo, useCallback, useEffect, useMemo, useRef, useState } from 'react'

import type { RunView } from '@/api/generated/schema'
import { duration, secondsBetween } from '@/ui/format'
import { IconChevronDown, IconChevronRight } from '@/ui/icons'
import { useNow } from '@/ui/moments'
import { isActive, isOutcome, OutcomeIcon } from '@/ui/outcomes'
import { kindOfRecord } from '@/ui/steps/kinds'
import { type Row, rowsOf } from './tree'
import classes from './StepTree.module.css'

const ROW = 32

/** Tree and timeline in one: only the rows in sight are drawn, so a thousand steps cost what thirty do. */
export function StepTree({ run, chosen }: { run: RunView; chosen: string | undefined }) {
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set())
  const now = useNow(isActive(run.status) ? 500 : null)
  const rows = useMemo(() => rowsOf(run, closed, now), [run, closed, now])
  const scroller = useRef<HTMLDivElement>(null)
  // eslint-disable-next-line react-hooks/incompatible-library -- it draws anew whenever the rows in sight change
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => scroller.current, estimateSize: () => ROW, overscan: 12 })
  const navigate = useNavigate()
  // Where keys have led, until the address says so too: the next key may come before.
  const reached = useRef<string | null>(null)
  useEffect(() => {
    if (chosen === reached.current) reached.current = null
  }, [chosen])
  const choose = (path: string | undefined) => {
    reached.current = path ?? null
    void navigate({ to: '.', search: (before) => ({ ...before, step: path }), replace: true })
  }
  // The same for every row and each time, so that scrolling draws only the rows that come into sight.
  const flip = useCallback(
    (path: string) => {
      reached.current = null
      void navigate({ to: '.', search: (before) => ({ ...before, step: before.step === path ? undefined : path }), replace: true })
    },
    [navigate],
  )
  const toggle = useCallback((path: string) => setClosed((before) => flipped(before, path)), [])
  const moved = (event: KeyboardEvent) => {
    const here = reached.current ?? chosen
    const place = rows.findIndex(({ step }) => step.path === here)
    const row = rows[place]
    const above = Math.max(place - 1, 0)
    const sideways = row && (event.key === 'ArrowLeft' || event.key === 'ArrowRight')
    const turns = sideways && row.opens && closed.has(row.step.path) === (event.key === 'ArrowRight')
    // What cannot be closed any further leads to the step around it.
    const outwards = event.key === 'ArrowLeft' && row && !turns ? rows.findLastIndex(({ step }, at) => at < place && step.depth < row.step.depth) : undefined
    const to = outwards ?? { ArrowDown: place + 1, j: place + 1, ArrowUp: above, k: above, Home: 0, End: rows.length - 1 }[event.key]
    if (sideways) event.preventDefault()
    if (turns) toggle(row.step.path)
    else if (to !== undefined && rows[to]) {
      event.preventDefault()
      choose(rows[to].step.path)
      virtual.scrollToIndex(to)
    } else if (event.key === 'Escape') choose(undefined)
  }
  if (rows.length === 0) return <p className={classes.none}>No step has begun yet.</p>
  const selected = rows.find(({ step }) => step.path === chosen)
  return (
    <div
      ref={scroller}
      className={classes.tree}
      style={{ height: rows.length * ROW + 2 }}
      role="tree"
      aria-label="Steps"
      tabIndex={0}
      onKeyDown={moved}
      aria-activedescendant={selected ? `step-${selected.step.path}` : undefined}
    >
      <div style={{ height: virtual.getTotalSize() }} className={classes.inner} role="presentation">
        {virtual.getVirtualItems().map(({ index, start }) => {
          const row = rows[index]
          return row ? (
            <Item
              key={row.step.path}
              row={row}
              top={start}
              selected={row.step.path === chosen}
              open={!closed.has(row.step.path)}
              position={index + 1}
              total={rows.length}
              onChoose={flip}
              onToggle={toggle}
            />
          ) : null
        })}
      </div>
    </div>
  )
}

interface ItemProps {
  row: Row
  top: number
  selected: boolean
  open: boolean
  position: number
  total: number
  onChoose: (path: string) => void
  onToggle: (path: string) => void
}

const Item = memo(function Item({ row, top, selected, open, position, total, onChoose, onToggle }: ItemProps) {
  const { step, opens, round } = row
  return (
    // Keys are handled by the tree, which alone has the focus.
    <div
      id={`step-${step.path}`}
      role="treeitem"
      className={classes.row}
      style={{ transform: `translateY(${top}px)` }}
      aria-selected={selected}
      aria-level={step.depth + 1}
      aria-expanded={opens ? open : undefined}
      aria-posinset={position}
      aria-setsize={total}
      onClick={() => onChoose(step.path)}
    >
      <span className={classes.name} style={{ paddingInlineStart: step.depth * 16 }}>
        <span className={classes.toggle} onClick={opens ? (event) => (event.stopPropagation(), onToggle(step.path)) : undefined} aria-hidden>
          {opens && (open ? <IconChevronDown size={14} /> : <IconChevronRight size={14} />)}
        </span>
        {isOutcome(step.status) && <OutcomeIcon status={step.status} size={15} />}
        {round !== null && <span className={classes.round}>{Number(round) + 1}</span>}
        <bdi className={classes.label}>{step.title ?? named(step)}</bdi>
        {named(step) !== step.kind && <span className={classes.kind}>{kindOfRecord(step.kind)}</span>}
      </span>
      <span className={classes.time} aria-hidden>
        {row.from !== null && row.to !== null && (
          <span
            className={classes.bar}
            data-outcome={step.status}
            style={{ insetInlineStart: `${row.from * 100}%`, width: `max(3px, ${(row.to - row.from) * 100}%)` }}
          />
        )}
      </span>
      <span className={classes.took}>{took(row)}</span>
    </div>
  )
})

/** `if` of `if#1`: a step without an id is told by its kind. */
const named = ({ key }: Row['step']): string => key.replace(/#\d+$/, '')

const took = ({ step }: Row): string => {
  if (step.cached) return 'cached'
  // Moments are told to the millisecond here: what took less still took something.
  return step.started_at ? duration(Math.max(secondsBetween(step.started_at, step.finished_at), 0.0005)) : ''
}

function flipped(before: ReadonlySet<string>, path: string): ReadonlySet<string> {
  const after = new Set(before)
  if (!after.delete(path)) after.add(path)
  return after
}
