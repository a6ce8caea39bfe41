import { Alert, Button, Text } from '@mantine/core'
import type { ReactNode } from 'react'

import { isStatus, Refusal, sentence } from '@/api/client'

interface RefusedProps {
  error: unknown
  /** What did not happen. */
  what: string
  /** Takes the note away. */
  close?: (() => void) | undefined
  children?: ReactNode
}

/** Why something was not done, and what to do next. */
export function Refused({ error, what, close, children }: RefusedProps) {
  const problems = error instanceof Refusal ? (error.problem.problems ?? []) : []
  return (
    <Alert
      color={isStatus(error, 409) || isStatus(error, 412) ? 'orange' : 'red'}
      variant="light"
      role="alert"
      title={what}
      withCloseButton={close !== undefined}
      closeButtonLabel="Close"
      {...(close ? { onClose: close } : {})}
    >
      <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
        {sentence(error)}
      </Text>
      {problems.slice(0, 10).map((one) => (
        <Text key={`${one.path} ${one.message}`} size="sm">
          <code>{one.path}</code>: {one.message}
        </Text>
      ))}
      {isStatus(error, 403) && (
        <Text size="sm" mt={4}>
          An owner of the project can give you the role that may.
        </Text>
      )}
      {children}
    </Alert>
  )
}

/** A second try, beside why the first one failed. */
export function Again({ onClick, children = 'Try again' }: { onClick: () => void; children?: ReactNode }) {
  return (
    <Button mt="xs" size="compact-sm" variant="default" onClick={onClick}>
      {children}
    </Button>
  )
}
