import { expect, test } from 'vitest'

import { withGrants, withTrigger } from './edited'

const FILE = `# Mine
task: one # short
grants: {tools: [log, http.request]}
steps:
  - id: first
    python: "1"
`

test('a trigger comes behind those that there are, and the author’s words stay', () => {
  const once = withTrigger(FILE, { id: 'morning', schedule: { daily: '07:00' } })
  expect(once).toContain('# Mine\ntask: one # short')
  expect(once).toContain('triggers:\n  - id: morning\n    schedule:\n      daily: 07:00')
  const twice = withTrigger(once, { id: 'evening', schedule: { daily: '19:00' } })
  expect(twice.indexOf('morning')).toBeLessThan(twice.indexOf('evening'))
  expect(twice.match(/triggers:/g)).toHaveLength(1)
})

test('grants are put in the place of the earlier ones', () => {
  const narrowed = withGrants(FILE, { tools: ['log'] })
  expect(narrowed).toContain('grants:\n  tools:\n    - log\nsteps:')
  expect(narrowed).not.toContain('http.request')
})
