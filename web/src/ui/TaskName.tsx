import classes from './TaskName.module.css'

/** A task by its title, with the name by which files and commands know it; by its name alone where it has no title. */
export function TaskName({ name, title }: { name: string; title: string | null }) {
  if (title === null) return <bdi>{name}</bdi>
  return (
    <>
      <bdi>{title}</bdi> <code className={classes.name}>{name}</code>
    </>
  )
}
