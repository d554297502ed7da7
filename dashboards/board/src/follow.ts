// Follow the feed without a hole: a snapshot, then the stream from its place, and again whenever it breaks.
import type { Revision, Snapshot } from './records'
import { Refused } from './refusal'
import type { ServerSent } from './server_sent'

export interface Connection {
  is: 'starting' | 'live' | 'broken'
  since: number // ms of the machine's clock at which it became so
  retryAt: number
  why: string // what the service says of it, where it says anything
}

export interface Heard {
  snapshot(found: Snapshot): void
  revision(record: Revision): void
  left(alertId: string, revision: number): void
  connection(now: Connection): void
  refused(): void
}

export interface Ways {
  snapshot(): Promise<Snapshot>
  stream(after: number, signal: AbortSignal): AsyncIterable<ServerSent>
  wait(ms: number, signal: AbortSignal): Promise<void>
  now(): number
  random(): number
}

const FIRST_MS = 500
const LAST_MS = 15_000

/** Until `signal` ends it. A place that the feed does not have any more (410) begins with a snapshot again. */
export async function follow(ways: Ways, heard: Heard, signal: AbortSignal): Promise<void> {
  let place: number | null = null
  let failures = 0
  let connection: Connection = { is: 'starting', since: ways.now(), retryAt: 0, why: '' }
  const become = (is: Connection['is'], retryAt = 0, why = '') => {
    const since = is === connection.is ? connection.since : ways.now()
    connection = { is, since, retryAt, why }
    heard.connection(connection)
  }
  while (!signal.aborted) {
    let why = ''
    try {
      if (place === null) {
        const snapshot = await ways.snapshot()
        if (signal.aborted) return
        heard.snapshot(snapshot)
        place = snapshot.place
      }
      for await (const event of ways.stream(place, signal)) {
        if (event.kind === 'begin') {
          failures = 0
          become('live')
          continue
        }
        hear(event, heard)
        place = Number(event.id)
      }
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof Refused && error.status === 410 && place !== null) {
        place = null
        continue
      }
      if (error instanceof Refused && error.status === 401) {
        heard.refused()
        return
      }
      if (error instanceof Refused) why = error.sentence
    }
    if (signal.aborted) return
    const wait = Math.min(LAST_MS, FIRST_MS * 2 ** failures) * (0.75 + 0.5 * ways.random())
    failures += 1
    become('broken', ways.now() + wait, why)
    await ways.wait(wait, signal)
  }
}

function hear(event: ServerSent, heard: Heard): void {
  const said = JSON.parse(event.data) as unknown
  if (event.kind === 'revision') heard.revision(said as Revision)
  if (event.kind === 'left') {
    const { alert_id, revision } = said as { alert_id: string; revision: number }
    heard.left(alert_id, revision)
  }
}
