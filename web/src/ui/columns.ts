import { useLocalStorage } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { type CSSProperties, useMemo } from 'react'

import { meQuery } from '@/api/queries'

export interface Column<Name extends string> {
  name: Name
  label: string
  /** Its track of the table's grid. */
  width: string
  /** Holds figures, which stand at its end. */
  figures?: true
  /** Gives way on a telephone. */
  minor?: true
  /** Tells which row it is: never left out. */
  naming?: true
}

export interface Columns<Name extends string> {
  all: readonly Column<Name>[]
  /** Those that are not left out. */
  shown: readonly Column<Name>[]
  show: (name: Name, on: boolean) => void
  showAll: () => void
}

const NONE: readonly string[] = []

/** The columns of a table as a person wants them; this browser remembers those that they leave out. */
export function useColumns<Name extends string>(table: string, all: readonly Column<Name>[]): Columns<Name> {
  const { data: me } = useQuery(meQuery)
  const key = `errands.columns.${me?.name ?? ''}.${table}`
  const [kept, keep] = useLocalStorage<readonly string[]>({ key, defaultValue: NONE, getInitialValueInEffect: false })
  return useMemo(() => {
    const left: readonly string[] = Array.isArray(kept) ? kept : NONE
    return {
      all,
      shown: all.filter(({ name, naming }) => naming || !left.includes(name)),
      show: (name, on) => keep(on ? left.filter((one) => one !== name) : [...left, name]),
      showAll: () => keep(NONE),
    }
  }, [all, kept, keep])
}

/** The track of the boxes by which rows are chosen. */
export const CHOICE = '36px'

/** The tracks of a table's grid; `before` and `after`: of columns that are none of these, such as the boxes to choose by. */
export const tracks = (shown: readonly { width: string }[], before = '', after = ''): CSSProperties =>
  ({ '--columns': [before, ...shown.map(({ width }) => width), after].join(' ') }) as CSSProperties

/** So many rows are laid out together, or not at all while they are out of sight. */
const TOGETHER = 10

/** The rows of a long table by tens, each with the style of their `tbody`. */
export function byTens<Row>(rows: readonly Row[]): { rows: readonly Row[]; style: CSSProperties }[] {
  return Array.from({ length: Math.ceil(rows.length / TOGETHER) }, (_, place) => {
    const some = rows.slice(place * TOGETHER, (place + 1) * TOGETHER)
    return { rows: some, style: { '--rows': some.length } as CSSProperties }
  })
}
