// The records of the service, as far as the board looks at them; `/openapi.json` has all of them.

export const LEVELS = ['red', 'yellow', 'blue'] as const // the highest first
export type Level = (typeof LEVELS)[number]
export type State = 'open' | 'acked' | 'closed' | 'retracted' | 'merged' | 'split' | 'expired'
export const DISPOSITIONS = ['true_positive', 'benign', 'false_positive', 'already_handled', 'wrong_identity'] as const
export type Disposition = (typeof DISPOSITIONS)[number]

export interface Text {
  zh: string
  en: string
}

export interface Region {
  county?: string
  township?: string
  village?: string
  grid?: string
}

export interface Evidence {
  id: string
  channel: string
  occurred_at: string
  case?: string | null
  why?: string | null
  fields?: Record<string, unknown>
}

export interface Condition {
  condition?: string
  branch?: string
  cue?: string
  value?: unknown
  wanted?: unknown
  level?: Level
  points?: number
  cap?: number
  passed: boolean
}

export interface Revision {
  alert_id: string
  revision: number
  engine_epoch: number
  rule: string
  rule_version: number
  kind: string
  purpose: string
  state: State
  reason: string
  level: Level
  level_max: Level
  key: Record<string, string>
  region: Region
  channels: string[]
  first_occurred_at: string
  last_occurred_at: string
  matched_at: string
  detected_at: string
  count: number
  distinct: number | null
  steps: number | null
  due: string | null
  breach_seconds: number | null
  evidence: Evidence[]
  evidence_total: number
  delta: { field: string; from: unknown; to: unknown }[]
  text: Text
  explain: { window?: string; any?: Condition[] }
  nearest_next: { level: Level; needs: number } | null
  route: { muted_by?: string[]; rung?: string; next_repeat_at?: string; roles?: string[] }
  links: { type: string; alert_id: string }[]
  runbook: string
  confidence: string
}

export interface Note {
  at: string
  actor: string
  role: string
  why: string
  action: string
}

export interface Notice {
  id: string
  to: string
  due: string
  by: string
  at: string
}

export interface People {
  ack_by: string | null
  ack_role: string | null
  ack_until: string | null
  assigned_to: string | null
  disposition: Disposition | null
  closed_by: string | null
  notices: Notice[] // of supervision that nobody has answered
  notes: Note[]
}

export interface Step {
  event_id: string
  channel: string
  action: string
  occurred_at: string
  is_contact: boolean
  case?: string
  unit?: string
  category?: string
  subcategory?: string
  violence?: number | null
  satisfied?: boolean | null
}

export interface SilenceShown {
  id: string
  state: 'pending' | 'active'
  actor: string
  why: string
  until: string
  matchers: { alert_id?: string; rule?: string; level?: Level[]; region?: string; key?: Record<string, string> }
}

export interface Me {
  name: string
  role: string
  region: string
  may: string[]
  now: string
  speed: number
  more: string[]
}

export interface Names {
  rules: Record<string, { title: Text; runbook: string; parts: Record<string, Text> }>
  regions: Record<string, string>
  channels: Record<string, Text>
  topics: Record<string, string>
}

export interface Count {
  at: string
  county: string
  level: Level
  alerts: number
}

export interface Day {
  since: string
  now: string
  events: number
  last_event_at: string | null
  counts: Count[]
}

export interface Story {
  id: string
  zh: string
  starts_at: string
  expects: { rule: string; must_reach: Level; level: Level | null; alert_id: string | null }[]
  false_alarms: number
}

export interface Snapshot {
  feed: string
  place: number
  alerts: Revision[]
  is_whole: boolean // whether the service has all that readers were told
}

export const isOpen = (revision: Revision) => revision.state === 'open' || revision.state === 'acked'
export const isMuted = (revision: Revision) => (revision.route.muted_by ?? []).length > 0
