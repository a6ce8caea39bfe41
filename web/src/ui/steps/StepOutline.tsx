import type { ComponentType } from 'react'

import {
  IconArrowsSplit2,
  IconBell,
  IconBolt,
  IconBraces,
  IconChecklist,
  IconFlag,
  IconHourglass,
  IconListDetails,
  IconRepeat,
  IconRobot,
  IconRoute,
  IconTool,
} from '@/ui/icons'
import { outlineOf, type OutlineStep, type StepKind } from './outline'
import classes from './StepOutline.module.css'

export const STEP_ICONS: Record<StepKind, ComponentType<{ size?: number; 'aria-hidden'?: boolean }>> = {
  tool: IconTool,
  agent: IconRobot,
  python: IconBraces,
  if: IconArrowsSplit2,
  switch: IconArrowsSplit2,
  'for each': IconRepeat,
  repeat: IconRepeat,
  parallel: IconRoute,
  task: IconListDetails,
  wait: IconHourglass,
  event: IconBolt,
  approval: IconChecklist,
  notify: IconBell,
  finish: IconFlag,
  unknown: IconBraces,
}

/** The steps of a task file as a tree that reads like a script. */
export function StepOutline({ source }: { source: string }) {
  const outline = outlineOf(source)
  if (outline.problem) return <p role="alert">The file cannot be read as YAML: {outline.problem}</p>
  return (
    <div className={classes.outline}>
      <Steps steps={outline.steps} />
      {outline.onError.length > 0 && <Block label="on error" steps={outline.onError} />}
      {outline.finally.length > 0 && <Block label="finally" steps={outline.finally} />}
    </div>
  )
}

function Steps({ steps }: { steps: readonly OutlineStep[] }) {
  return (
    <ol className={classes.steps}>
      {steps.map((step, place) => (
        <Step key={place} step={step} />
      ))}
    </ol>
  )
}

function Step({ step }: { step: OutlineStep }) {
  const Icon = STEP_ICONS[step.kind]
  return (
    <li>
      <div className={classes.step}>
        <Icon size={15} aria-hidden />
        <span className={classes.kind}>{step.kind}</span>
        {step.id && <code className={classes.id}>{step.id}</code>}
        <span className={classes.summary} title={step.summary}>
          <bdi>{step.summary}</bdi>
        </span>
        {step.remarks.map((remark) => (
          <span key={remark} className={classes.remark}>
            {remark}
          </span>
        ))}
      </div>
      {step.blocks.map((block) => (
        <Block key={block.label} label={block.label} steps={block.steps} />
      ))}
    </li>
  )
}

function Block({ label, steps }: { label: string; steps: readonly OutlineStep[] }) {
  return (
    <div className={classes.block}>
      <span className={classes.blockLabel}>{label}</span>
      <Steps steps={steps} />
    </div>
  )
}
