import { expect, test } from 'vitest'

import type { ToolServerView } from '@/api/generated/schema'
import { connectionOf, durationOf, fieldsOf, NEW_CONNECTION, sizeOf } from './connection'

const served = (connection: object) => ({ connection, enabled: true, projects: null }) as unknown as ToolServerView

test('durations are shown as people write them', () => {
  expect(durationOf('PT1M30S')).toBe('1m30s')
  expect(durationOf('PT1M')).toBe('1m')
  expect(durationOf('P1DT2H')).toBe('1d2h')
  expect(durationOf('90s')).toBe('90s')
})

test('sizes lose nothing', () => {
  expect(sizeOf(8 * 1024 ** 2)).toBe('8MiB')
  expect(sizeOf(1024 ** 3)).toBe('1GiB')
  expect(sizeOf(1500)).toBe('1500B')
})

test('what is kept of an address goes back as it was', () => {
  const kept = { kind: 'http', url: 'https://crm.example/mcp', bearer: 'secret:CRM', headers: { 'X-Team': 'a' }, timeout: 'PT1M', start_timeout: 'PT30S', max_answer: 8388608, idle: 'PT5M' }
  expect(connectionOf(fieldsOf(served(kept)))).toEqual({ ...kept, timeout: '1m', start_timeout: '30s', max_answer: '8MiB', idle: '5m' })
})

test('a sign-in stays a sign-in', () => {
  const kept = { kind: 'http', url: 'https://crm.example/mcp', headers: {}, bearer: null, oauth: { scope: null, client_id: 'us', client_secret: 'secret:CRM_CLIENT' } }
  expect(connectionOf(fieldsOf(served(kept)))).toEqual({ kind: 'http', url: kept.url, headers: {}, oauth: { client_id: 'us', client_secret: 'secret:CRM_CLIENT' } })
})

test('what is left empty is not sent', () => {
  expect(connectionOf({ ...NEW_CONNECTION, url: 'https://crm.example/mcp' })).toEqual({ kind: 'http', url: 'https://crm.example/mcp', headers: {} })
})

test('an argument a line, a variable a row', () => {
  const fields = { ...NEW_CONNECTION, kind: 'program' as const, command: 'uvx', args: '-q\ncrm server\n', env: [{ name: 'KEY', value: 'secret:CRM' }, { name: '', value: 'x' }] }
  expect(connectionOf(fields)).toEqual({ kind: 'program', command: 'uvx', args: ['-q', 'crm server'], env: { KEY: 'secret:CRM' } })
})
