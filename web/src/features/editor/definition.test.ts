import { expect, test } from 'vitest'

import { asPath, freeId, withField, withMoved, withoutStep, withStep } from './definition'

const FILE = `# What this is for
task: report
steps:
  # First the orders
  - id: orders
    tool: sql.query # slow
    with: {limit: 5}
  - id: each
    for_each: orders
    do:
      - {id: one, python: "1"}
      - {id: two, python: "2"}
`

test('a change of one field leaves comments and order alone', () => {
  const changed = withField(FILE, ['steps', 0, 'with'], 'limit', '{{ n }}')
  expect(changed).toBe(FILE.replace('{limit: 5}', '{limit: "{{ n }}"}'))
})

test('a step moves among its neighbours and no further', () => {
  const moved = withMoved(FILE, ['steps', 1, 'do', 0], 1)
  expect(moved.indexOf('id: two')).toBeLessThan(moved.indexOf('id: one'))
  expect(withMoved(moved, ['steps', 1, 'do', 1], 1)).toBe(moved)
})

test('a new step stands behind the one it was added to, also in a loop', () => {
  const added = withStep(FILE, ['steps', 1, 'do', 0], { id: 'new', wait: '1s' })
  expect(added.indexOf('id: one')).toBeLessThan(added.indexOf('id: new'))
  expect(added.indexOf('id: new')).toBeLessThan(added.indexOf('id: two'))
})

test('a file without steps gets its first', () => {
  expect(withStep('task: a\n', null, { id: 'x', wait: '1s' })).toContain('steps:\n  - id: x')
})

test('a removed step is gone with all below it', () => {
  expect(withoutStep(FILE, ['steps', 1])).not.toContain('id: one')
})

test('a path reads as in the messages of the checker', () => {
  expect(asPath(['steps', 1, 'do', 0, 'python'])).toBe('steps[1].do[0].python')
})

test('an id is never given twice', () => {
  expect(freeId('files.write', new Set(['files_write', 'files_write_2']))).toBe('files_write_3')
})
