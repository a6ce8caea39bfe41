import { notifications } from '@mantine/notifications'

import { sentence } from '@/api/client'

/** Something was done. */
export const done = (message: string): string => notifications.show({ message, color: 'green', withBorder: true })

/** Something could not be done; stays until it is read. */
export const failed = (error: unknown): string =>
  notifications.show({
    title: 'That did not work',
    message: sentence(error),
    color: 'red',
    withBorder: true,
    autoClose: 15_000,
  })
