import { VisuallyHidden } from '@mantine/core'
import type { ReactNode } from 'react'

import { cards } from './cards'
import table from './Table.module.css'

interface RowsProps {
  /** What the table lists, for those who do not see its heading. */
  label: string
  /** Headings; `#` before one: its column holds figures. */
  columns: readonly string[]
  /** The last column holds buttons. */
  actions?: boolean
  children: ReactNode
}

/** A table as all lists of things that are set up have it. */
export function Rows({ label, columns, actions = false, children }: RowsProps) {
  return (
    <div className={table.wrap}>
      <table className={table.table} aria-label={label} {...cards(columns, actions)}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col" className={column.startsWith('#') ? table.number : undefined}>
                {column.replace('#', '')}
              </th>
            ))}
            {actions && (
              <th scope="col">
                <VisuallyHidden>Actions</VisuallyHidden>
              </th>
            )}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  )
}
