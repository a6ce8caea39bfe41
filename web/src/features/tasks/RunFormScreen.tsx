import { Alert, Button, Group, Text } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'

import { api, ask, Refusal, sentence } from '@/api/client'
import type { JsonValue } from '@/api/generated/schema'
import { newKey } from '@/api/key'
import { paramsQuery } from '@/api/queries'
import { startRun } from '@/api/runs'
import { type FieldSchema, fieldsOf, type Values } from '@/ui/form/schema'
import { SchemaForm } from '@/ui/form/SchemaForm'
import { SavedMenu } from '@/ui/SavedMenu'
import { Screen } from '@/ui/Screen'
import { Answered, Loading } from '@/ui/states'
import { taskQuery } from './queries'

const route = getRouteApi('/inside/p/$project/tasks/$task/run')

/** The form of a run, drawn from the task's params. */
export function RunFormScreen() {
  const { project, task } = route.useParams()
  const { version, like } = route.useSearch()
  const params = useQuery(paramsQuery(project, task, version))
  const view = useQuery(taskQuery(project, task))
  const model = useQuery({
    queryKey: ['run', like, 'arguments'],
    queryFn: () => ask(api.GET('/api/v1/runs/{run}', { params: { path: { run: like ?? '' } } })),
    enabled: like !== undefined,
  })
  const title = `Run ${view.data?.title ?? task}`
  if (like !== undefined && model.isPending) return <Screen title={title}><Loading /></Screen>
  return (
    <Screen title={title}>
      {model.error && (
        <Alert color="orange" variant="light" role="alert" title="The arguments of the earlier run could not be read">
          {sentence(model.error)} The form begins with the defaults.
        </Alert>
      )}
      <Answered query={params}>
        {(schema) => (
          <RunForm
            project={project}
            task={task}
            version={version ?? null}
            schema={schema as FieldSchema}
            begin={(model.data?.arguments ?? {}) as Values}
          />
        )}
      </Answered>
    </Screen>
  )
}

interface RunFormProps {
  project: string
  task: string
  version: number | null
  schema: FieldSchema
  begin: Values
}

function RunForm({ project, task, version, schema, begin }: RunFormProps) {
  const [values, setValues] = useState<Values>(begin)
  /** Grows when the whole form is filled anew: fields that hold what is typed begin anew then. */
  const [filled, setFilled] = useState(0)
  // The same form sent twice starts one run.
  const [key, setKey] = useState(() => newKey())
  const navigate = useNavigate()
  const start = useMutation({
    mutationFn: () => startRun(project, task, values as Record<string, never>, version, key),
    onSuccess: ({ id }) => void navigate({ to: '/p/$project/runs/$run', params: { project, run: id } }),
  })
  const change = (now: Record<string, JsonValue>) => {
    setValues(now)
    setKey(newKey())
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    start.mutate()
  }
  const errors = start.error instanceof Refusal ? start.error.byPath : {}
  const fields = fieldsOf(schema)
  return (
    <form onSubmit={submit} style={{ maxWidth: 640 }} noValidate>
      {start.error && (
        <Alert color="red" variant="light" mb="md" role="alert" title="No run was started">
          {sentence(start.error)}
          {Object.entries(errors)
            .filter(([path]) => !fields.some(([name]) => path.startsWith(name)))
            .map(([path, message]) => (
              <Text key={path} size="sm">
                {path}: {message}
              </Text>
            ))}
        </Alert>
      )}
      {fields.length === 0 ? (
        <Text c="dimmed">This task takes no arguments.</Text>
      ) : (
        <SchemaForm key={filled} schema={schema} values={values} onChange={change} errors={errors} />
      )}
      <Group mt="lg" gap="xs">
        <Button type="submit" loading={start.isPending}>
          Start the run
        </Button>
        <Button variant="default" renderRoot={(props) => <Link to="/p/$project/tasks/$task" params={{ project, task }} {...props} />}>
          Back
        </Button>
        {fields.length > 0 && (
          <SavedMenu
            project={project}
            shelf={`arguments.${task}`}
            title="Saved arguments"
            keepLabel="Save these arguments"
            value={values}
            onChoose={(kept) => {
              change(kept as Values)
              setFilled(filled + 1)
            }}
          />
        )}
      </Group>
    </form>
  )
}
