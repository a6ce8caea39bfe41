import { Stack, Text, Textarea, TextInput } from '@mantine/core'

import type { Problem } from '@/api/generated/schema'
import { ticked } from '@/ui/Ticked'
import { valueAt, withField } from './definition'

interface TaskFormProps {
  text: string
  problems: readonly Problem[]
  /** The task is not there yet: its name can still be chosen. */
  fresh: boolean
  onChange: (text: string) => void
}

/** What a task is called and what it is for. What is typed goes into the file when the field is left. */
export function TaskForm({ text, problems, fresh, onChange }: TaskFormProps) {
  const field = (name: string) => {
    const shown = String(valueAt(text, [name]) ?? '')
    return {
      key: shown,
      defaultValue: shown,
      error: ticked(problems.find(({ path }) => path === name)?.message),
      onBlur: ({ currentTarget: { value } }: { currentTarget: { value: string } }) => {
        if (value !== shown) onChange(withField(text, [], name, value === '' ? undefined : value))
      },
    }
  }
  const { key: nameKey, ...name } = field('task')
  const { key: titleKey, ...title } = field('title')
  const { key: aboutKey, ...about } = field('description')
  return (
    <Stack gap="sm">
      {fresh && <TextInput key={nameKey} label="Name" description="Small letters, digits and hyphens; it stays for good" {...name} />}
      <TextInput key={titleKey} label="Title" description="As lists and the page show it" {...title} />
      <Textarea key={aboutKey} label="What it is for" autosize minRows={2} maxRows={6} {...about} />
      <Text size="xs" c="dimmed">
        Choose a step to see and change what it does. Parameters, triggers and grants stand in the file, under “YAML”.
      </Text>
    </Stack>
  )
}
