import { Alert, Button, Group, Text, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'

import { Refusal, sentence } from '@/api/client'
import type { Adopted, TemplateView } from '@/api/generated/schema'
import { projectQuery } from '@/api/queries'
import { type FieldSchema, type Values } from '@/ui/form/schema'
import { SchemaForm } from '@/ui/form/SchemaForm'
import { Source } from '@/ui/Source'
import { done } from '@/ui/toast'
import { adopt } from './queries'
import classes from './Templates.module.css'

/** The questions of a template; what would change is shown before anything does. */
export function AdoptForm({ project, view }: { project: string; view: TemplateView }) {
  const [answers, setAnswers] = useState<Values>({})
  const [task, setTask] = useState('')
  const [seen, setSeen] = useState<Adopted | null>(null)
  const client = useQueryClient()
  const navigate = useNavigate()
  const { data: own } = useQuery(projectQuery(project))
  const look = useMutation({
    mutationFn: () => adopt({ project, template: view.name, answers, task: task.trim() || null, publish: false, dryRun: true }),
    onSuccess: setSeen,
  })
  const take = useMutation({
    mutationFn: (publish: boolean) => adopt({ project, template: view.name, answers, task: task.trim() || null, publish, dryRun: false }),
    onSuccess: ({ applied }) => {
      const main = applied.find(({ kind }) => kind === 'task')
      done(`${applied.map(({ name }) => name).join(', ')} ${main?.published ? 'can run' : 'is saved as a draft'}`)
      void client.invalidateQueries({ queryKey: ['tasks', project] })
      if (main) void navigate({ to: '/p/$project/tasks/$task', params: { project, task: main.name } })
    },
  })
  if (own && !own.rights.includes('task.edit'))
    return <Text size="sm">Adopting it takes the right to edit tasks of this project; an owner can give it.</Text>
  const change = (now: Values) => {
    setAnswers(now)
    setSeen(null)
    take.reset()
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    take.reset()
    look.mutate()
  }
  const failure = take.error ?? look.error
  return (
    <form className={classes.form} onSubmit={submit} noValidate>
      {failure && (
        <Alert color="red" variant="light" mb="md" role="alert" title="Nothing was changed">
          {sentence(failure)}
        </Alert>
      )}
      <SchemaForm schema={view.asks as FieldSchema} values={answers} onChange={change} errors={failure instanceof Refusal ? failure.byPath : {}} />
      {view.tasks.length === 1 && (
        <TextInput
          mt="md"
          label="Name of the task"
          description="One of its own lets a project hold two of a kind"
          placeholder={view.tasks[0]?.task}
          value={task}
          onChange={({ currentTarget }) => {
            setTask(currentTarget.value)
            setSeen(null)
          }}
        />
      )}
      {seen === null ? (
        <Button mt="lg" type="submit" loading={look.isPending}>
          Show what changes
        </Button>
      ) : (
        <section aria-label="What changes">
          {seen.applied.map((one) => (
            <div key={one.file}>
              <Text mt="lg" mb={4}>
                {one.kind} <code>{one.name}</code>: {CHANGES[one.change]}
              </Text>
              {one.diff && <Source text={one.diff} label={`Difference of ${one.name}`} />}
            </div>
          ))}
          {seen.missing.length > 0 && (
            <Text mt="md">
              Before it can run, <Link to="/p/$project/secrets" params={{ project }}>save these secrets</Link>: {seen.missing.join(', ')}.
            </Text>
          )}
          <Group mt="lg" gap="xs">
            {own?.rights.includes('task.publish') && (
              <Button disabled={seen.missing.length > 0} loading={take.isPending && take.variables} onClick={() => take.mutate(true)}>
                Adopt and publish
              </Button>
            )}
            <Button variant="default" loading={take.isPending && !take.variables} onClick={() => take.mutate(false)}>
              Save as a draft
            </Button>
          </Group>
        </section>
      )}
    </form>
  )
}

const CHANGES = { created: 'will be new', changed: 'will have a new version', unchanged: 'is there already, as it is' }
