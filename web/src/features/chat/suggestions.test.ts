import { expect, it } from 'vitest'

import { quoted, suggestions } from './suggestions'

const commands = [
  { name: 'help', usage: '/help', about: 'this list' },
  { name: 'tasks', usage: '/tasks [TASK]', about: 'the tasks' },
  { name: 'run', usage: '/run TASK key=value', about: 'start a run' },
  { name: 'runs', usage: '/runs [TASK]', about: 'the latest runs' },
]
const tasks = [
  { name: 'daily-sync', description: '' },
  { name: 'daily-report', description: '' },
]
const texts = (typed: string) => suggestions(typed, commands, tasks).map(({ text }) => text)

it('offers every command after the stroke, and those that begin like what is typed', () => {
  expect(texts('/')).toEqual(['/help', '/tasks ', '/run ', '/runs '])
  expect(texts('/RU')).toEqual(['/run ', '/runs '])
})

it('offers nothing where nothing is left to choose', () => {
  for (const typed of ['', 'run', '/help', '/nothing', 'a /run', '/run daily-sync', '/run daily-sync key=1']) expect(texts(typed)).toEqual([])
})

it('offers tasks where a command takes one; where it need not, once a letter was typed', () => {
  expect(texts('/run ')).toEqual(['/run daily-sync ', '/run daily-report '])
  expect(texts('/run sync')).toEqual(['/run daily-sync '])
  expect(texts('/tasks ')).toEqual([])
  expect(texts('/tasks d')).toEqual(['/tasks daily-sync ', '/tasks daily-report '])
  expect(texts('/help d')).toEqual([])
})

it('makes one word of any text', () => {
  expect(quoted('It\'s a "test" \\ of it')).toBe('"It\'s a \\"test\\" \\\\ of it"')
})
