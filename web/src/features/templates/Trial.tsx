import { Alert, Anchor, Button, Text } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'

import { sentence } from '@/api/client'
import type { MadeFileView } from '@/api/generated/schema'
import { bytes } from '@/ui/format'
import { RecordedValue } from '@/ui/JsonValue'
import { isOutcome, OutcomeBadge, OutcomeIcon } from '@/ui/outcomes'
import { attempt } from './queries'

/** Rehearses a template with its sample data and shows what came of each step. */
export function Trial({ template }: { template: string }) {
  const trial = useMutation({ mutationFn: () => attempt(template) })
  const run = trial.data?.run
  return (
    <>
      <Text size="sm" mb="sm">
        Its sample data stands in for the world: nothing leaves the machine, and nothing is kept.
      </Text>
      <Button variant="default" style={{ alignSelf: 'flex-start' }} loading={trial.isPending} onClick={() => trial.mutate()}>
        Try it with sample data
      </Button>
      {trial.error && (
        <Alert mt="md" color="red" variant="light" role="alert" title="It could not begin">
          {sentence(trial.error)}
        </Alert>
      )}
      {run && (
        <section aria-label="Result of the trial" style={{ marginTop: 16 }}>
          <OutcomeBadge status={run.status} />
          {run.error && <Text size="sm">{run.error.message}</Text>}
          {run.files.map((file) => (
            <Made key={file.name} file={file} />
          ))}
          <Text size="sm" fw={500} mt="sm" mb={4}>
            Output
          </Text>
          <RecordedValue value={run.output} label="Output of the trial" />
          {run.steps.map((step) => (
            <details key={step.path} style={{ marginTop: 8 }}>
              <summary>
                {isOutcome(step.status) && <OutcomeIcon status={step.status} size={13} />} <code>{step.path}</code> {step.kind}
              </summary>
              <RecordedValue value={step.output} label={`Output of ${step.path}`} />
            </details>
          ))}
        </section>
      )}
    </>
  )
}

/** A file that the trial has made; it is only here, in this tab. */
function Made({ file }: { file: MadeFileView }) {
  if (file.base64 === null)
    return (
      <Text size="sm" mt="xs">
        It makes {file.name} ({bytes(file.size)}).
      </Text>
    )
  return (
    <Text size="sm" mt="xs">
      It makes{' '}
      <Anchor href={`data:${file.media_type};base64,${file.base64}`} download={file.name}>
        {file.name}
      </Anchor>{' '}
      ({bytes(file.size)}).
    </Text>
  )
}
