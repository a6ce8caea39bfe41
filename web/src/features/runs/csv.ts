/** The first rows of a CSV text (RFC 4180): quoted cells may hold commas, quotes and line breaks. */
export function parseCsv(text: string, most: number): string[][] {
  const rows: string[][] = []
  const cell = /("(?:[^"]|"")*"|[^",\r\n]*)(,|\r?\n|$)/gy
  let row: string[] = []
  while (rows.length < most && cell.lastIndex < text.length) {
    const found = cell.exec(text)
    if (!found) break
    const [, raw = '', end] = found
    row.push(raw.startsWith('"') ? raw.slice(1, -1).replaceAll('""', '"') : raw)
    if (end !== ',') {
      rows.push(row)
      row = []
    }
  }
  if (row.length > 0) rows.push(row)
  return rows
}
