import { autocompletion, completionKeymap } from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands'
import { yaml } from '@codemirror/lang-yaml'
import { defaultHighlightStyle, HighlightStyle, indentOnInput, indentUnit, syntaxHighlighting } from '@codemirror/language'
import { type Diagnostic, lintGutter, setDiagnostics } from '@codemirror/lint'
import { EditorState } from '@codemirror/state'
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from '@codemirror/view'
import { tags } from '@lezer/highlight'
import { Text } from '@mantine/core'
import { useEffect, useRef } from 'react'

import type { Problem } from '@/api/generated/schema'
import { nonce } from '@/ui/nonce'
import { completeFrom } from './completion'
import classes from './Editor.module.css'

interface YamlPaneProps {
  text: string
  schema: unknown
  problems: readonly Problem[]
  onChange: (text: string) => void
}

/** The file itself, with the checker's findings where they are and the schema's keys to choose from. */
export default function YamlPane({ text, schema, problems, onChange }: YamlPaneProps) {
  const place = useRef<HTMLDivElement>(null)
  const view = useRef<EditorView>(null)
  const changed = useRef(onChange)
  useEffect(() => {
    changed.current = onChange
  }, [onChange])
  useEffect(() => {
    if (!place.current) return
    const made = new EditorView({
      parent: place.current,
      state: EditorState.create({ doc: text, extensions: extensions(schema, (now) => changed.current(now)) }),
    })
    view.current = made
    return () => made.destroy()
    // The editor holds the text from here on; a change from outside comes by the effect below.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [schema])
  useEffect(() => {
    const current = view.current
    if (current && current.state.doc.toString() !== text) {
      current.dispatch({ changes: { from: 0, to: current.state.doc.length, insert: text } })
    }
  }, [text])
  useEffect(() => {
    const current = view.current
    if (current) current.dispatch(setDiagnostics(current.state, problems.map((one) => diagnostic(current.state, one))))
  }, [problems, schema])
  return (
    <div>
      <div ref={place} className={classes.yaml} />
      <Text size="xs" c="dimmed" mt={4}>
        Tab indents; Esc and then Tab leads out.
      </Text>
    </div>
  )
}

function extensions(schema: unknown, onChange: (text: string) => void) {
  return [
    EditorView.cspNonce.of(nonce()),
    lineNumbers(),
    history(),
    drawSelection(),
    indentOnInput(),
    indentUnit.of('  '),
    highlightActiveLine(),
    lintGutter(),
    yaml(),
    syntaxHighlighting(COLOURS),
    syntaxHighlighting(defaultHighlightStyle, { fallback: true }),
    autocompletion({ override: [completeFrom(schema)], icons: false }),
    // Tab indents, as in every editor; Escape and then Tab leaves, as CodeMirror documents.
    keymap.of([...completionKeymap, ...defaultKeymap, ...historyKeymap, indentWithTab]),
    EditorView.contentAttributes.of({ 'aria-label': 'Task file' }),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) onChange(update.state.doc.toString())
    }),
    LOOK,
  ]
}

function diagnostic(state: EditorState, problem: Problem): Diagnostic {
  const line = state.doc.line(Math.min(Math.max(problem.line, 1), state.doc.lines))
  const from = Math.min(line.from + Math.max(problem.column - 1, 0), line.to)
  return {
    from,
    to: Math.max(line.to, from),
    severity: problem.severity === 'warning' ? 'warning' : 'error',
    message: [problem.message, problem.hint].filter(Boolean).join('\n'),
  }
}

const COLOURS = HighlightStyle.define([
  { tag: tags.propertyName, color: 'var(--mantine-color-anchor)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--outcome-succeeded)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--outcome-timed_out)' },
  { tag: tags.comment, color: 'var(--mantine-color-dimmed)', fontStyle: 'italic' },
  { tag: [tags.separator, tags.punctuation, tags.squareBracket, tags.brace], color: 'var(--mantine-color-dimmed)' },
  { tag: tags.content, color: 'var(--mantine-color-text)' },
])

const LOOK = EditorView.theme({
  '&': { fontSize: '13px', color: 'var(--mantine-color-text)' },
  '&.cm-focused': { outline: '2px solid var(--mantine-primary-color-filled)', outlineOffset: '-2px' },
  '.cm-scroller': { fontFamily: 'var(--mantine-font-family-monospace)', lineHeight: '1.55', minHeight: '320px' },
  '.cm-gutters': { background: 'var(--surface-sunken)', color: 'var(--mantine-color-dimmed)', border: 'none' },
  '.cm-activeLine': { background: 'color-mix(in srgb, var(--surface-sunken) 60%, transparent)' },
  '.cm-cursor': { borderInlineStartColor: 'var(--text-strong)' },
  '.cm-tooltip': { background: 'var(--surface-raised)', color: 'var(--mantine-color-text)', border: '1px solid var(--line-strong)', borderRadius: '6px' },
  '.cm-tooltip-autocomplete ul li[aria-selected]': { background: '#4f46e5', color: '#fff' },
  '.cm-selectionBackground, &.cm-focused .cm-selectionBackground': { background: 'color-mix(in srgb, var(--mantine-primary-color-filled) 25%, transparent) !important' },
})
