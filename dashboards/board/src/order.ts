// Which alerts are listed, and in which order: the highest level first, then what nobody has taken, then the newest.
import { isMuted, LEVELS, type Level, type Revision } from './records'

export interface Wanted {
  county: string
  rule: string
  state: '' | 'waiting' | 'acked' | 'muted'
  words: string
}

export const EVERYTHING: Wanted = { county: '', rule: '', state: '', words: '' }

export interface Group {
  level: Level
  alerts: Revision[]
}

type Of = (each: Revision) => string

/** Groups by level; `text` is what is searched, `openedAt` since when an alert is open. */
export function listed(open: Revision[], wanted: Wanted, text: Of, openedAt: Of): Group[] {
  const words = wanted.words.toLowerCase().split(/\s+/).filter(Boolean)
  const fits = (each: Revision) =>
    (!wanted.county || each.region.county === wanted.county) &&
    (!wanted.rule || each.rule === wanted.rule) &&
    (!wanted.state || standing(each) === wanted.state) &&
    words.every((word) => text(each).toLowerCase().includes(word))
  const found = open.filter(fits).sort((left, right) => before(left, right, openedAt))
  return LEVELS.map((level) => ({ level, alerts: found.filter((each) => each.level === level) }))
}

/** What an alert is to whoever is on duty: nobody has taken it, somebody has, or nobody is to be told. */
export function standing(each: Revision): 'waiting' | 'acked' | 'muted' {
  if (isMuted(each)) return 'muted'
  return each.state === 'acked' ? 'acked' : 'waiting'
}

const RANK = { waiting: 0, acked: 1, muted: 2 }

function before(left: Revision, right: Revision, openedAt: Of): number {
  return (
    RANK[standing(left)] - RANK[standing(right)] ||
    Date.parse(openedAt(right)) - Date.parse(openedAt(left)) ||
    left.alert_id.localeCompare(right.alert_id)
  )
}
