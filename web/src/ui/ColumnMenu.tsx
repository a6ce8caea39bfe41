import { Button, Menu } from '@mantine/core'
import { startTransition } from 'react'

import type { Columns } from './columns'
import { IconColumns3 } from './icons'

/** Which columns of a table are shown. On a telephone rows are no columns, and there is nothing to choose. */
export function ColumnMenu<Name extends string>({ columns }: { columns: Columns<Name> }) {
  const { all, shown, show, showAll } = columns
  return (
    <Menu position="bottom-end" closeOnItemClick={false}>
      <Menu.Target>
        <Button variant="default" ms="auto" visibleFrom="sm" leftSection={<IconColumns3 size={15} aria-hidden />}>
          Columns
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {all
          .filter(({ naming }) => !naming)
          .map((column) => (
            <Menu.CheckboxItem key={column.name} checked={shown.includes(column)} onChange={(on) => startTransition(() => show(column.name, on))}>
              {column.label}
            </Menu.CheckboxItem>
          ))}
        <Menu.Divider />
        <Menu.Item disabled={shown.length === all.length} onClick={() => startTransition(showAll)}>
          Show all
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
