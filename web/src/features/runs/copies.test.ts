import { expect, test } from 'vitest'

import type { RunView } from '@/api/generated/schema'
import { asCli, asCurl } from './copies'
import { parseCsv } from './csv'

const run = { task: 'report', version: 3, arguments: { region: 'emea', note: "it's $HOME; rm -rf /" } } as unknown as RunView

test('an argument reaches the shell as one word', () => {
  expect(asCli('default', run)).toBe(
    "errands run report --project default -p region=emea -p 'note=it'\\''s $HOME; rm -rf /' --follow",
  )
})

test('a copied request holds no token', () => {
  expect(asCurl('http://localhost:8420', 'default', run)).toContain('"Authorization: Bearer $ERRANDS_TOKEN"')
})

test('quoted cells hold commas, quotes and line breaks', () => {
  expect(parseCsv('a,b\n"x, y","he said ""no""\nand left"\n', 10)).toEqual([
    ['a', 'b'],
    ['x, y', 'he said "no"\nand left'],
  ])
})

test('only the first rows are read', () => {
  expect(parseCsv('a\nb\nc\n', 2)).toEqual([['a'], ['b']])
})
