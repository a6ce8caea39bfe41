import { Button, Text } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'

import type { SignInView, ToolServerView } from '@/api/generated/schema'
import { useChange } from '@/ui/change'
import form from '@/ui/form/Form.module.css'
import { Moment } from '@/ui/moments'
import { Removal } from '@/ui/Removal'
import { Section } from '@/ui/Screen'
import { beginSignIn, endSignIn, type Owner, serverQuery } from './servers'

interface SignInProps {
  owner: Owner
  server: ToolServerView
  signIn: SignInView
  may: boolean
}

/** Who has signed in at the server, and the way to do it. */
export function SignIn({ owner, server, signIn, may }: SignInProps) {
  const client = useQueryClient()
  /** When somebody had signed in last as the page to sign in was opened; undefined: it was not. */
  const [before, setBefore] = useState<string | null>()
  // The sign-in ends in another window, and the server looks at the tools after it: looked for until both are there.
  const lookedAt = server.checked_at !== null && signIn.at !== null && Date.parse(server.checked_at) >= Date.parse(signIn.at)
  const waiting = before !== undefined && (before === (signIn.at ?? null) || (signIn.connected && !lookedAt))
  useQuery({ ...serverQuery(owner, server.name), refetchInterval: waiting ? 2_000 : false })
  const begin = useChange({ act: () => beginSignIn(owner, server.name), stale: [] })
  const end = async () => {
    client.setQueryData(serverQuery(owner, server.name).queryKey, await endSignIn(owner, server.name))
  }
  const opened = () => {
    setBefore(signIn.at ?? null)
    begin.reset()
  }
  const url = begin.data && /^https?:\/\//.test(begin.data.url) ? begin.data.url : null
  return (
    <Section title="Signing in">
      <div className={form.sheet} style={{ maxWidth: 720 }}>
        {signIn.connected ? (
          <Text size="sm">
            <bdi>{signIn.by?.replace(/^user:/, '') ?? 'Somebody'}</bdi> has signed in{signIn.issuer && <> at <bdi>{signIn.issuer}</bdi></>}
            {signIn.at && <>, <Moment at={signIn.at} /></>}. Calls use that account.
          </Text>
        ) : (
          <Text size="sm">Nobody has signed in: its tools cannot be called until somebody does.</Text>
        )}
        {may && (
          <div className={form.foot}>
            {url ? (
              <Button component="a" href={url} target="_blank" rel="noopener noreferrer" onClick={opened}>
                Open the page to sign in
              </Button>
            ) : (
              <Button variant={signIn.connected ? 'default' : 'filled'} loading={begin.isPending} onClick={() => begin.mutate()}>
                {signIn.connected ? 'Sign in as somebody else' : 'Sign in'}
              </Button>
            )}
            {url && <span className={form.hint}>It works for ten minutes and once.</span>}
            {signIn.connected && (
              <Removal label="Sign out" size="sm" title={`Sign out of ${server.name}?`} remove={end} said={`Signed out of ${server.name}`} stale={['tool_servers']}>
                The tokens are forgotten; calls of its tools fail until somebody signs in again.
              </Removal>
            )}
          </div>
        )}
      </div>
    </Section>
  )
}
