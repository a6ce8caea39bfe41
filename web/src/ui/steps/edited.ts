import { type Document, isSeq, parseDocument } from 'yaml'

type Change = (file: Document) => void

/** The text with one change made to what it says; comments and order of everything else stay. */
export function edited(text: string, change: Change): string {
  const file = parseDocument(text, { keepSourceTokens: false })
  change(file)
  // `{a: 1}` stays as it is where the author writes it so.
  return file.toString({ lineWidth: 0, flowCollectionPadding: /[{[] \S/.test(text) })
}

/** Add a trigger behind those that there are. */
export const withTrigger = (text: string, trigger: Record<string, unknown>): string =>
  edited(text, (file) => {
    if (isSeq(file.get('triggers'))) file.addIn(['triggers'], file.createNode(trigger))
    else file.set('triggers', file.createNode([trigger]))
  })

/** Let the task use this and no more. */
export const withGrants = (text: string, grants: Record<string, unknown>): string =>
  edited(text, (file) => file.set('grants', file.createNode(grants)))
