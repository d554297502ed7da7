// Hand in an action and wait for its verdict: done, refused with a sentence, or not known yet.
import { ask, send } from './api'
import { Away, Refused, sentenceOf } from './refusal'

export type Outcome =
  | { is: 'done' }
  | { is: 'refused'; sentence: string } // it will never be done as it was asked
  | { is: 'again'; sentence: string } // nobody took it: the same action once more is no harm
  | { is: 'unknown' } // it is with the desk, which has not decided

const PATIENCE = 8
const PAUSE_MS = 1500

export async function handIn(path: string, body: unknown, onWaiting: () => void): Promise<Outcome> {
  try {
    const answer = await send<{ verdict?: string; action_id?: string }>(path, body)
    if (answer.verdict) return { is: 'done' }
    onWaiting()
    return await verdictOn(answer.action_id ?? '')
  } catch (error) {
    const isOver = error instanceof Refused && error.status !== 503 && error.status !== 429
    return { is: isOver ? 'refused' : 'again', sentence: sentenceOf(error) }
  }
}

async function verdictOn(id: string): Promise<Outcome> {
  for (let tries = 0; tries < PATIENCE; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    try {
      const acted = await ask<{ verdict: string; sentence: string }>(`v1/actions/${encodeURIComponent(id)}`)
      return acted.verdict === 'refused' ? { is: 'refused', sentence: acted.sentence } : { is: 'done' }
    } catch (error) {
      const isWaiting =
        error instanceof Away || (error instanceof Refused && (error.status === 404 || error.status === 503))
      if (!isWaiting) return { is: 'refused', sentence: sentenceOf(error) }
    }
  }
  return { is: 'unknown' }
}
