import { Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'

import { api, ask } from '@/api/client'
import form from '@/ui/form/Form.module.css'
import { IconAlertTriangle, IconCheck, IconDownload } from '@/ui/icons'
import { Rows } from '@/ui/Rows'
import { Section } from '@/ui/Screen'
import { Answered } from '@/ui/states'
import table from '@/ui/Table.module.css'

/** Whether the server is in order, for administrators, and a backup of it. */
export function ThisServer() {
  const query = useQuery({ queryKey: ['checks'], queryFn: ({ signal }) => ask(api.GET('/api/v1/server/checks', { signal })) })
  return (
    <Section title="This server">
      <Answered query={query} rows={4}>
        {(checks) => (
          <Rows label="Checks of the server" columns={['What', 'Found', 'What to do']}>
            {checks.map((one) => (
              <tr key={one.name}>
                <td style={{ whiteSpace: 'nowrap' }}>
                  {one.ok ? <IconCheck size={14} aria-label="in order" color="var(--outcome-succeeded)" /> : <IconAlertTriangle size={14} aria-label="not in order" color="var(--outcome-failed)" />} {one.name}
                </td>
                <td>
                  <bdi>{one.detail}</bdi>
                </td>
                <td className={table.dim}>{one.hint}</td>
              </tr>
            ))}
          </Rows>
        )}
      </Answered>
      <div className={form.foot}>
        <Button variant="default" loading={query.isFetching} onClick={() => void query.refetch()}>
          Look again
        </Button>
        <Button variant="default" component="a" leftSection={<IconDownload size={15} aria-hidden />} href="/api/v1/server/backup" download>
          Download a backup
        </Button>
        <span className={form.hint}>Everything but the keys that open the secrets: keep those apart.</span>
      </div>
    </Section>
  )
}
