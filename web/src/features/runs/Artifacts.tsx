import { ActionIcon, Button, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useMemo, useState } from 'react'

import { api, ask } from '@/api/client'
import type { ArtifactView } from '@/api/generated/schema'
import { bytes } from '@/ui/format'
import { IconDownload, IconFileText } from '@/ui/icons'
import { Markdown } from '@/ui/Markdown'
import { Section } from '@/ui/Screen'
import { Source } from '@/ui/Source'
import { Answered } from '@/ui/states'
import table from '@/ui/Table.module.css'
import classes from './Run.module.css'
import { parseCsv } from './csv'

const LARGEST = 2 * 2 ** 20
const TEXTS = /^(text\/|application\/(json|xml|yaml|x-ndjson))/
const PICTURES = /^image\/(png|jpeg|gif|webp)$/

/** The files that the run made: shown here where that is safe, and always to download. */
export function Artifacts({ files }: { files: readonly ArtifactView[] }) {
  const [open, setOpen] = useState<string | null>(null)
  if (files.length === 0) return null
  const shown = files.find(({ id }) => id === open)
  return (
    <Section title="Files">
      <ul className={classes.files}>
        {files.map((file) => (
          <li key={file.id} className={classes.file}>
            <IconFileText size={15} aria-hidden />
            <bdi>{file.name}</bdi>
            <Text size="xs" c="dimmed">
              {bytes(file.size)}
            </Text>
            {canShow(file) && (
              <Button size="compact-xs" variant="subtle" aria-label={`${open === file.id ? 'Hide' : 'Show'} ${file.name}`} aria-expanded={open === file.id} onClick={() => setOpen(open === file.id ? null : file.id)}>
                {open === file.id ? 'Hide' : 'Show'}
              </Button>
            )}
            <ActionIcon component="a" href={address(file)} download variant="subtle" color="gray" size="sm" aria-label={`Download ${file.name}`}>
              <IconDownload size={15} />
            </ActionIcon>
          </li>
        ))}
      </ul>
      {shown && (
        <div className={classes.preview} tabIndex={0} role="group" aria-label={`Content of ${shown.name}`}>
          <Preview file={shown} />
        </div>
      )}
    </Section>
  )
}

const address = (file: ArtifactView): string => `/api/v1/artifacts/${file.id}`

const canShow = (file: ArtifactView): boolean =>
  file.size <= LARGEST && (TEXTS.test(file.media_type) || PICTURES.test(file.media_type) || file.media_type === 'application/pdf')

function Preview({ file }: { file: ArtifactView }) {
  const query = useQuery({
    queryKey: ['artifact', file.id],
    queryFn: ({ signal }) =>
      ask(
        api.GET('/api/v1/artifacts/{artifact}', {
          params: { path: { artifact: file.id } },
          parseAs: 'blob',
          signal,
        }) as Promise<{ data?: unknown; error?: unknown; response: Response }>,
      ) as Promise<Blob>,
    staleTime: Infinity,
  })
  return <Answered query={query}>{(content) => <Content file={file} content={content} />}</Answered>
}

function Content({ file, content }: { file: ArtifactView; content: Blob }) {
  if (PICTURES.test(file.media_type)) return <Picture file={file} content={content} />
  if (file.media_type === 'application/pdf') return <Document file={file} content={content} />
  return <TextFile file={file} content={content} />
}

/** The content under an address of its own, as what we take it for and nothing else. */
function useBlobAddress(content: Blob, mediaType: string): string {
  const address = useMemo(() => URL.createObjectURL(new Blob([content], { type: mediaType })), [content, mediaType])
  useEffect(() => () => URL.revokeObjectURL(address), [address])
  return address
}

function Picture({ file, content }: { file: ArtifactView; content: Blob }) {
  const source = useBlobAddress(content, file.media_type)
  return <img src={source} alt={file.name} />
}

function Document({ file, content }: { file: ArtifactView; content: Blob }) {
  const source = useBlobAddress(content, 'application/pdf')
  return <iframe src={source} title={file.name} width="100%" height="440" />
}

function TextFile({ file, content }: { file: ArtifactView; content: Blob }) {
  const [text, setText] = useState<string | null>(null)
  useEffect(() => void content.text().then(setText), [content])
  if (text === null) return null
  if (file.media_type === 'text/markdown') return <Markdown text={text} />
  if (file.media_type === 'text/csv') return <Csv text={text} name={file.name} />
  return <Source text={text} label={file.name} />
}

/** Rows of a table that are shown at most. */
const MOST_ROWS = 500

function Csv({ text, name }: { text: string; name: string }) {
  // One more than is shown, and the head.
  const [head, ...found] = parseCsv(text, MOST_ROWS + 2)
  const rows = found.slice(0, MOST_ROWS)
  return (
    <>
      {found.length > MOST_ROWS && (
        <Text size="xs" c="dimmed" mb="xs">
          The first {MOST_ROWS} rows; download the file for the rest.
        </Text>
      )}
      <Table head={head ?? []} rows={rows} name={name} />
    </>
  )
}

function Table({ head, rows, name }: { head: readonly string[]; rows: readonly string[][]; name: string }) {
  return (
    <table className={table.table} aria-label={name}>
      <thead>
        <tr>
          {head.map((cell, place) => (
            <th key={place} scope="col">
              <bdi>{cell}</bdi>
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row, number) => (
          <tr key={number}>
            {row.map((cell, place) => (
              <td key={place}>
                <bdi>{cell}</bdi>
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  )
}
