import { Button, Text } from '@mantine/core'
import { useState } from 'react'

import type { RunView, StepView } from '@/api/generated/schema'
import { Difference } from '@/ui/Difference'
import { duration } from '@/ui/format'
import { isOutcome, OutcomeIcon } from '@/ui/outcomes'
import { asText, type Pair, pairsOf, secondsOf } from './compare'
import classes from './Compare.module.css'
import { Recorded } from './Recorded'

const PAGE = 100

/** The steps of two runs; those that differ say in what, and open into both values. */
export function ComparedSteps({ one, other, all }: { one: RunView; other: RunView; all: boolean }) {
  const [shown, setShown] = useState(PAGE)
  const pairs = pairsOf(one, other)
  const wanted = all ? pairs : pairs.filter(({ differs }) => differs.length > 0)
  if (wanted.length === 0)
    return (
      <Text size="sm" c="dimmed">
        All {pairs.length} steps came out the same.
      </Text>
    )
  return (
    <>
      <ul className={classes.steps}>
        {wanted.slice(0, shown).map((pair) => (
          <li key={pair.path}>
            <Step one={one.id} other={other.id} pair={pair} />
          </li>
        ))}
      </ul>
      {wanted.length > shown && (
        <Button size="compact-sm" variant="default" style={{ alignSelf: 'flex-start' }} onClick={() => setShown(shown + PAGE)}>
          Show more ({wanted.length - shown} left)
        </Button>
      )}
    </>
  )
}

function Step({ one, other, pair }: { one: string; other: string; pair: Pair }) {
  const [open, setOpen] = useState(false)
  return (
    <details className={classes.step} data-differs={pair.differs.length > 0 || undefined} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>
        <code className={classes.path}>{pair.path}</code>
        <span className={classes.differs}>{pair.differs.join(', ') || 'the same'}</span>
        <Side step={pair.one} />
        <Side step={pair.other} />
      </summary>
      {open && <Values one={one} other={other} pair={pair} />}
    </details>
  )
}

function Side({ step }: { step: StepView | undefined }) {
  const took = secondsOf(step)
  return (
    <span className={classes.side}>
      {step && isOutcome(step.status) && <OutcomeIcon status={step.status} size={14} />}
      <span className="figures">{step ? (took === null ? '–' : duration(Math.max(took, 0.0005))) : 'not there'}</span>
    </span>
  )
}

function Values({ one, other, pair }: { one: string; other: string; pair: Pair }) {
  const { one: mine, other: theirs } = pair
  return (
    <div className={classes.opened}>
      {mine && theirs && !mine.input_size && !theirs.input_size && asText(mine.input) !== asText(theirs.input) && (
        <div>
          <span className={classes.label}>Input</span>
          <Difference before={asText(mine.input)} after={asText(theirs.input)} label={`Differences of the input of ${pair.path}`} />
        </div>
      )}
      {mine && theirs && !mine.output_size && !theirs.output_size ? (
        <div>
          <span className={classes.label}>Output</span>
          <Difference before={outcomeOf(mine)} after={outcomeOf(theirs)} label={`Differences of the output of ${pair.path}`} />
        </div>
      ) : (
        <div className={classes.both}>
          {([[one, mine, 'the earlier'], [other, theirs, 'the later']] as const).map(([run, step, name]) => (
            <div key={name}>
              <span className={classes.label}>Output in {name}</span>
              {step ? <Recorded run={run} path={step.path} value={step.output} size={step.output_size} label={`Output in ${name}`} /> : <Text size="sm" c="dimmed">This step is not there.</Text>}
            </div>
          ))}
        </div>
      )}
    </div>
  )
}

const outcomeOf = (step: StepView): string => (step.error ? `${step.error.kind}: ${step.error.message}` : asText(step.output))
