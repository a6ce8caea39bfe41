import { Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import { useEffect } from 'react'

import classes from './Door.module.css'

/** What stands around a form at which somebody comes in. */
export function Door({ title, about, children }: { title: string; about?: string; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Errands`
  }, [title])
  return (
    <main className={classes.door}>
      <div className={classes.card}>
        <div className={classes.brand}>
          <span className={classes.mark} aria-hidden />
          Errands
        </div>
        <Title order={1} mb={about ? 4 : 'md'}>
          {title}
        </Title>
        {about && (
          <Text size="sm" c="dimmed" mb="md">
            {about}
          </Text>
        )}
        {children}
      </div>
    </main>
  )
}
