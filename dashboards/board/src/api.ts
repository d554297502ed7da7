// The service: what it is asked, and what a refusal of it is.
import { Away, Refused } from './refusal'
import { ServerSentReader, type ServerSent } from './server_sent'
import { token } from './session'

const ROOT = new URL('..', document.baseURI) // the page stands at /board/, wherever a proxy puts that
const SILENT_MS = 40_000 // a stream that lives says so every 15 s

export async function ask<T>(path: string, options: RequestInit = {}): Promise<T> {
  const answer = await reach(path, options)
  if (!answer.ok) throw await refusal(answer)
  return (await answer.json()) as T
}

export const send = <T>(path: string, body: unknown) =>
  ask<T>(path, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } })

export const end = <T>(path: string) => ask<T>(path, { method: 'DELETE' })

/** The feed from behind a place, until it breaks or `signal` ends it. */
export async function* stream(after: number, signal: AbortSignal): AsyncGenerator<ServerSent> {
  const ended = new AbortController()
  const stop = () => ended.abort()
  signal.addEventListener('abort', stop)
  let watchdog = setTimeout(stop, SILENT_MS)
  try {
    const headers = { 'last-event-id': String(after), accept: 'text/event-stream' }
    const answer = await reach('v1/stream', { headers, signal: ended.signal })
    if (!answer.ok || !answer.body) throw await refusal(answer)
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader()
    const events = new ServerSentReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      clearTimeout(watchdog)
      watchdog = setTimeout(stop, SILENT_MS)
      yield* events.read(value)
    }
  } finally {
    clearTimeout(watchdog)
    signal.removeEventListener('abort', stop)
    stop()
  }
}

async function reach(path: string, options: RequestInit): Promise<Response> {
  const headers = { ...(options.headers as Record<string, string>), authorization: `Bearer ${token.value}` }
  try {
    return await fetch(new URL(path, ROOT), { ...options, headers, cache: 'no-store', credentials: 'omit' })
  } catch (error) {
    throw new Away(error instanceof Error ? error.message : String(error))
  }
}

async function refusal(answer: Response): Promise<Refused> {
  const problem = (await answer.json().catch(() => ({}))) as { detail?: string; title?: string }
  return new Refused(answer.status, problem.detail ?? problem.title ?? `${answer.status} ${answer.statusText}`)
}

/** An id for an action: the same again is the same action. */
export function actionId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12)) // `randomUUID` wants https
  return `board-${[...bytes].map((each) => 'bcdfghjkmnprstvz'.charAt(each & 15) + 'bcdfghjkmnprstvz'.charAt(each >> 4)).join('')}`
}
