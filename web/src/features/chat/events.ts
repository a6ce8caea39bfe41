import type { Chunk } from './parts'

/** The connection ended before the answer did. */
export class Cut extends Error {
  constructor() {
    super('The connection was cut.')
  }
}

/** Reads an answer's server-sent events to its end. Throws Cut where the end is missing. */
export async function readChunks(stream: ReadableStream<Uint8Array>, take: (chunk: Chunk) => void): Promise<void> {
  const reader = stream.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader()
  let rest = ''
  try {
    for (;;) {
      const { value, done } = await reader.read()
      if (done) throw new Cut()
      const lines = (rest + value).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        if (!line.startsWith('data: ')) continue
        const data = line.slice(6)
        if (data === '[DONE]') return
        take(JSON.parse(data) as Chunk)
      }
    }
  } catch (error) {
    throw error instanceof Error && error.name === 'AbortError' ? error : new Cut()
  } finally {
    void reader.cancel().catch(() => undefined)
  }
}
