import { ActionIcon, Button, Input, Menu } from '@mantine/core'

import { IconArrowDown, IconArrowUp, IconPlus, IconX } from '@/ui/icons'
import classes from './OrderedChoice.module.css'

interface OrderedChoiceProps {
  label: string
  description?: string
  /** What holds where nothing is chosen. */
  none: string
  choices: readonly string[]
  value: readonly string[]
  onChange: (value: string[]) => void
  error?: string | undefined
  readOnly?: boolean
}

/** Chooses some of a list, in an order that counts. */
export function OrderedChoice({ label, description, none, choices, value, onChange, error, readOnly = false }: OrderedChoiceProps) {
  const left = choices.filter((one) => !value.includes(one))
  const move = (place: number, by: number) => {
    const moved = [...value]
    const [one] = moved.splice(place, 1)
    if (one !== undefined) moved.splice(place + by, 0, one)
    onChange(moved)
  }
  return (
    <Input.Wrapper label={label} description={description} error={error} labelElement="div">
      {value.length === 0 ? (
        <p className={classes.none}>{none}</p>
      ) : (
        <ol className={classes.list} aria-label={label}>
          {value.map((one, place) => (
            <li key={one} className={classes.item}>
              <span className={classes.place}>{place + 1}</span>
              <bdi className={classes.name}>{one}</bdi>
              {!readOnly && (
                <>
                  <ActionIcon variant="subtle" color="gray" size="sm" disabled={place === 0} aria-label={`${one}: earlier`} onClick={() => move(place, -1)}>
                    <IconArrowUp size={15} aria-hidden />
                  </ActionIcon>
                  <ActionIcon variant="subtle" color="gray" size="sm" disabled={place === value.length - 1} aria-label={`${one}: later`} onClick={() => move(place, 1)}>
                    <IconArrowDown size={15} aria-hidden />
                  </ActionIcon>
                  <ActionIcon variant="subtle" color="gray" size="sm" aria-label={`${one}: take out`} onClick={() => onChange(value.filter((_, at) => at !== place))}>
                    <IconX size={15} aria-hidden />
                  </ActionIcon>
                </>
              )}
            </li>
          ))}
        </ol>
      )}
      {!readOnly && left.length > 0 && (
        <Menu position="bottom-start">
          <Menu.Target>
            <Button size="compact-sm" variant="default" leftSection={<IconPlus size={14} aria-hidden />}>
              Add
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            {left.map((one) => (
              <Menu.Item key={one} onClick={() => onChange([...value, one])}>
                {one}
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
      )}
    </Input.Wrapper>
  )
}
