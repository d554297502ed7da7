// What the board knows and which alert is chosen: one place that the parts of the screen read.
import { computed, ref, shallowRef, triggerRef, watch } from 'vue'
import { Alerts, type Change } from './alerts'
import { ask, stream } from './api'
import { setClock } from './clock'
import { follow, type Connection } from './follow'
import { EVERYTHING, listed, type Wanted } from './order'
import type { Day, Me, Names, Revision, SilenceShown, Snapshot, Story } from './records'
import { signOut, token } from './session'
import { ring } from './sound'
import { listed as listedWords, names, placeName, ruleName, say, sayText } from './words'

export interface Standing {
  opened_at: string
  ack_by: string | null
  ack_until: string | null
  assigned_to: string | null
}

const KEEP_ENDED = 200
const RECENT = 25
const LOOK_MS = 10_000 // how often what no stream tells is asked again
const SOON_MS = 400 // so that a burst of revisions asks once,
const REST_MS = 2_000 // and a long one now and then

const alerts = shallowRef(new Alerts())
export const me = ref<Me | null>(null)
export const connection = ref<Connection>({ is: 'starting', since: Date.now(), retryAt: 0, why: '' })
export const standings = ref<Record<string, Standing>>({})
export const silences = ref<SilenceShown[]>([])
export const stories = ref<Story[] | null>(null)
export const day = ref<Day | null>(null)
export const dayAway = ref('')
export const hours = ref(24)
export const wanted = ref<Wanted>({ ...EVERYTHING })
export const chosen = ref(idInAddress())
export const refusedToken = ref(false)
export const announced = ref('')

export const open = computed(() => alerts.value.open())
export const groups = computed(() => listed(open.value, wanted.value, searched, openedAt))
export const rows = computed(() => groups.value.flatMap((group) => group.alerts))
export const recent = computed(() => alerts.value.recent(RECENT))
export const isLoaded = ref(false)
export const isWhole = ref(true) // whether the service has all that readers were told
export const isSimulated = computed(() => (me.value?.speed ?? 1) !== 1)
export const known = (alertId: string) => alerts.value.get(alertId)
export const may = (doing: string) => me.value?.may.includes(doing) ?? false

export const openedAt = (each: Revision) => standings.value[each.alert_id]?.opened_at ?? each.matched_at

function searched(each: Revision): string {
  return [each.alert_id, each.rule, ruleName(each.rule), placeName(each.region), sayText(each.text)].join(' ')
}

// the chosen alert stands in the address, so that it can be linked to and the browser's Back leaves it

function idInAddress(): string {
  return decodeURIComponent(/^#\/alerts\/([^/?]+)/.exec(location.hash)?.[1] ?? '')
}

export function choose(alertId: string): void {
  if (alertId === chosen.value) return
  const address = alertId ? `#/alerts/${encodeURIComponent(alertId)}` : location.pathname + location.search
  if (alertId && !chosen.value) history.pushState(null, '', address)
  else history.replaceState(null, '', address)
  chosen.value = alertId
}

addEventListener('popstate', () => (chosen.value = idInAddress()))
addEventListener('hashchange', () => (chosen.value = idInAddress()))

// following

let ended = new AbortController()
let soon = 0
let lookedAt = -REST_MS
const retry = new EventTarget()

export function begin(): void {
  ended.abort()
  ended = new AbortController()
  const { signal } = ended
  void lookAtOnce(signal)
  const looking = setInterval(() => void lookAgain(), LOOK_MS)
  signal.addEventListener('abort', () => clearInterval(looking))
  void follow(
    {
      snapshot: () => ask<Snapshot>('v1/snapshot'),
      stream,
      wait: waitFor,
      now: () => Date.now(),
      random: () => Math.random(),
    },
    {
      snapshot: (found) => {
        const isFirst = !isLoaded.value
        heard(alerts.value.replace(found.alerts), isFirst)
        isWhole.value = found.is_whole
        isLoaded.value = true
      },
      revision: (record) => heard(alerts.value.take(record), false, record),
      left: (alertId, revision) => heard(alerts.value.leave(alertId, revision)),
      connection: (now) => {
        const before = connection.value.is
        connection.value = now
        if (before === 'broken' && now.is === 'live') announce(say('said.live'))
        if (before === 'live' && now.is === 'broken') announce(say('said.broken'))
        if (now.is === 'live') lookSoon()
      },
      refused: () => leave(true),
    },
    signal,
  )
}

/** What was lost is there again, and no stream tells it. */
function beginAnew(): void {
  isLoaded.value = false
  begin()
}

/** Forget everything, for whoever sits here next. */
export function leave(isRefused = false): void {
  ended.abort()
  refusedToken.value = isRefused
  alerts.value = new Alerts()
  me.value = day.value = stories.value = null
  standings.value = {}
  silences.value = []
  isLoaded.value = false
  isWhole.value = true
  wanted.value = { ...EVERYTHING }
  connection.value = { is: 'starting', since: Date.now(), retryAt: 0, why: '' }
  signOut()
}

/** Do not wait for the next try. */
export const tryNow = () => retry.dispatchEvent(new Event('now'))

function waitFor(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const over = new AbortController()
    const listening = { signal: over.signal }
    const done = () => {
      clearTimeout(timer)
      over.abort()
      resolve()
    }
    const timer = setTimeout(done, ms)
    retry.addEventListener('now', done, listening)
    addEventListener('online', done, listening)
    signal.addEventListener('abort', done, listening)
  })
}

function heard(change: Change, isFirst = false, record?: Revision): void {
  if (change === 'nothing') return
  alerts.value.prune(KEEP_ENDED)
  triggerRef(alerts)
  lookSoon()
  if (change === 'new-red' && !isFirst) {
    ring()
    const what = record ? listedWords([ruleName(record.rule), placeName(record.region)]) : ''
    announce(say('said.new_red', { what }))
  }
}

function announce(words: string): void {
  announced.value = words
}

// what no stream tells

async function lookAtOnce(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      me.value = await ask<Me>('v1/me')
      setClock(me.value.now, me.value.speed)
      names.value = await ask<Names>('v1/names')
      await lookAgain()
      return
    } catch {
      await waitFor(2000, signal)
    }
  }
}

function lookSoon(): void {
  if (soon) return
  const wait = Math.max(SOON_MS, lookedAt + REST_MS - performance.now())
  soon = window.setTimeout(() => ((soon = 0), void lookAtPeople()), wait)
}

async function lookAgain(): Promise<void> {
  if (!token.value || !me.value) return
  await Promise.all([
    lookAtPeople(),
    tried(lookAtDay),
    me.value.more.includes('/v1/stories') ? tried(lookAtStories) : undefined,
  ])
}

/** Who has what, and what is silenced. */
export async function lookAtPeople(): Promise<void> {
  if (!token.value) return
  const signal = ended.signal
  lookedAt = performance.now()
  await Promise.all([
    tried(async () => {
      const found = await ask<{ alerts: Record<string, Standing>; is_whole: boolean }>('v1/standing')
      if (signal.aborted) return
      standings.value = found.alerts
      const isBack = found.is_whole && !isWhole.value
      isWhole.value = found.is_whole
      if (isBack) beginAnew()
    }),
    tried(async () => {
      const found = await ask<{ silences: SilenceShown[] }>('v1/silences')
      if (!signal.aborted) silences.value = found.silences
    }),
  ])
}

async function lookAtDay(): Promise<void> {
  try {
    day.value = await ask<Day>(`v1/day?hours=${hours.value}`)
    setClock(day.value.now, me.value?.speed ?? 1)
    dayAway.value = ''
  } catch (error) {
    dayAway.value = String(error)
  }
}

async function lookAtStories(): Promise<void> {
  stories.value = (await ask<{ stories: Story[] }>('v1/stories')).stories
}

/** What is asked again by itself may fail: the connection says so already, and the next look comes. */
async function tried(look: () => Promise<void>): Promise<void> {
  await look().catch(() => undefined)
}

watch(hours, () => void tried(lookAtDay))
