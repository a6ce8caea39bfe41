import classes from '@/ui/Difference.module.css'

const PARTS: Record<string, 'added' | 'removed'> = { '+': 'added', '-': 'removed' }

/** A difference as the server tells it, line by line. */
export function DiffText({ diff, label }: { diff: string; label: string }) {
  const lines = diff.split('\n').filter((line) => !line.startsWith('+++') && !line.startsWith('---'))
  return (
    <pre className={classes.diff} tabIndex={0} aria-label={label}>
      {lines.map((line, place) => (
        <span key={place} data-part={PARTS[line.charAt(0)] ?? 'same'}>
          {line || ' '}
        </span>
      ))}
    </pre>
  )
}
