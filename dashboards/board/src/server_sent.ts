// Server-sent events as text comes in (HTML standard, 9.2): what is between two empty lines is one event.

export interface ServerSent {
  kind: string
  id: string
  data: string
}

export class ServerSentReader {
  private rest = ''
  private kind = ''
  private lastId = ''
  private data: string[] = []

  private take(line: string): ServerSent | undefined {
    if (line === '') {
      const event = { kind: this.kind || 'message', id: this.lastId, data: this.data.join('\n') }
      const isEvent = this.data.length > 0
      this.kind = ''
      this.data = []
      return isEvent ? event : undefined
    }
    const colon = line.indexOf(':')
    const name = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (name === 'event') this.kind = value
    else if (name === 'id') this.lastId = value
    else if (name === 'data') this.data.push(value)
    return undefined
  }

  /** The events that some more text completes. */
  *read(text: string): Generator<ServerSent> {
    const lines = (this.rest + text).split(/\r\n|\n|\r(?!$)/)
    this.rest = lines.pop() ?? ''
    for (const line of lines) {
      const event = this.take(line)
      if (event) yield event
    }
  }
}
