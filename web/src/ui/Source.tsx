import { Button } from '@mantine/core'

import { useCopy } from './copying'
import { IconCheck, IconCopy } from './icons'
import classes from './Source.module.css'
import { failed } from './toast'

interface SourceProps {
  text: string
  label: string
  numbered?: boolean
  /** Long lines go on below: for what has no lines of its own. */
  wrapped?: boolean
  /** The way to copy it is always in sight: it cannot be had again. */
  once?: boolean
}

/** Text as it is, line by line, to read and to copy. */
export function Source({ text, label, numbered = false, wrapped = false, once = false }: SourceProps) {
  const [copied, copy] = useCopy(failed)
  return (
    <div className={classes.source}>
      <Button
        className={classes.copy}
        data-shown={once || undefined}
        size="compact-xs"
        variant="default"
        onClick={() => copy(text)}
        leftSection={copied ? <IconCheck size={13} aria-hidden /> : <IconCopy size={13} aria-hidden />}
      >
        {copied ? 'Copied' : 'Copy'}
      </Button>
      <pre className={classes.text} tabIndex={0} aria-label={label} data-numbered={numbered || undefined} data-wrapped={wrapped || undefined}>
        {numbered ? text.split('\n').map((line, place) => <span key={place}>{`${line}\n`}</span>) : text}
      </pre>
    </div>
  )
}
