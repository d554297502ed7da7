// The life of a matter, taken apart: each report with what was done about it.
import type { Step } from './records'

export interface Case {
  name: string // the number of the case, or the event where it has none
  first: Step
  ids: string[] // its events
}

/** What has one case number in one channel belongs together; an event without one stands alone. The latest first. */
export function cases(steps: Step[]): Case[] {
  const found = new Map<string, Case>()
  for (const step of steps) {
    const name = step.case ? `${step.channel} ${step.case}` : step.event_id
    const known = found.get(name)
    if (known) known.ids.push(step.event_id)
    else found.set(name, { name, first: step, ids: [step.event_id] })
  }
  return [...found.values()].reverse()
}
