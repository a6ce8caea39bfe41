import { Alert, List } from '@mantine/core'

import { Refusal, sentence } from '@/api/client'
import { IconAlertTriangle } from '@/ui/icons'

export interface Problems {
  /** What is wrong with a field, or with anything in it. */
  of: (path: string) => string | undefined
  /** What belongs to no field of the form. */
  rest: (fields: readonly string[]) => string[]
  error: unknown
}

const within = (path: string, field: string): boolean =>
  path === field || path.startsWith(`${field}.`) || path.startsWith(`${field}[`)

/** What the server has found wrong with a form, by the fields of what was sent. */
export function problemsOf(error: unknown): Problems {
  const found = error instanceof Refusal ? Object.entries(error.byPath) : []
  return {
    error,
    of: (field) => found.find(([path]) => within(path, field))?.[1],
    rest: (fields) =>
      found.filter(([path]) => !fields.some((field) => within(path, field))).map(([path, said]) => (path ? `${path}: ${said}` : said)),
  }
}

/** Why nothing was kept. What belongs to a field stands there; the rest stands here. */
export function FormFailure({ problems, fields }: { problems: Problems; fields: readonly string[] }) {
  if (!problems.error) return null
  const rest = problems.rest(fields)
  const marked = fields.some((field) => problems.of(field))
  return (
    <Alert color="red" variant="light" icon={<IconAlertTriangle size={18} aria-hidden />} role="alert">
      {marked ? 'Nothing was saved; what is wrong is marked.' : rest.length === 0 && sentence(problems.error)}
      {rest.length > 0 && (
        <List size="sm">
          {rest.map((one) => (
            <List.Item key={one}>{one}</List.Item>
          ))}
        </List>
      )}
    </Alert>
  )
}
