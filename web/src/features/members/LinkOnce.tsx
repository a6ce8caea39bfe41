import { Modal, Text } from '@mantine/core'

import { Moment } from '@/ui/moments'
import { Source } from '@/ui/Source'

/** A link that was made for somebody. */
export interface Made {
  person: string
  url: string
  expires_at: string
}

/** The link with which a person chooses a password; shown this once. */
export function LinkOnce({ made: { person, url, expires_at }, close }: { made: Made; close: () => void }) {
  return (
    <Modal opened onClose={close} closeOnClickOutside={false} title={`A link for ${person}`} size="lg">
      <Text size="sm" mb="sm">
        Hand it to {person} in private: whoever opens it chooses the password of this account and is in. It works once, until{' '}
        <Moment at={expires_at} as="minute" />, and is not shown again. Earlier links work no longer.
      </Text>
      <Source text={url} label={`Link for ${person}`} wrapped once />
    </Modal>
  )
}
