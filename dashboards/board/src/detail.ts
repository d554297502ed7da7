// One alert whole: what the feed says of it, what people did, how it went, and the matters behind it.
import { computed, onUnmounted, ref, shallowRef, watch } from 'vue'
import { ask } from './api'
import { known } from './board'
import type { People, Revision, Step } from './records'
import { Refused, sentenceOf } from './refusal'

export interface MatterFound {
  matter: string
  events: number
}

const SOON_MS = 300
const BEHIND_MS = 1500
const AWAY_MS = 10_000
const REJOINED_MS = 3000 // until the pool has the events of a matter under another
const NOTICE_MS = 30_000 // an answer to a notice is no revision: whoever else looks on finds it by asking again
const MOST_LOOKS = 8

export function useDetail(alertId: string) {
  const asked = shallowRef<Revision>()
  const people = ref<People | null>(null)
  const revisions = shallowRef<Revision[]>([])
  const matters = ref<MatterFound[]>([])
  const matter = ref('')
  const steps = ref<Step[]>([])
  const isGone = ref(false)
  const away = ref('')
  let later = 0
  let rejoined = 0
  let looks = 0
  let isOver = false

  /** The later of what the feed said and what was asked for: an alert that has ended is not in the feed's list. */
  const alert = computed(() => {
    const live = known(alertId)
    return live && asked.value && asked.value.revision > live.revision ? asked.value : (live ?? asked.value)
  })

  async function load(): Promise<void> {
    if (!alertId) return
    const path = `v1/alerts/${encodeURIComponent(alertId)}`
    try {
      const found = await ask<{ alert: Revision; people: People }>(path)
      if (isOver) return
      asked.value = found.alert
      people.value = found.people
      isGone.value = false
    } catch (error) {
      isGone.value = error instanceof Refused && error.status === 404
    }
    try {
      if (isGone.value) return
      const past = await ask<{ revisions: Revision[]; matters: MatterFound[] }>(`${path}/past`)
      if (isOver) return
      revisions.value = past.revisions
      matters.value = past.matters
      if (!matters.value.some((each) => each.matter === matter.value)) matter.value = matters.value[0]?.matter ?? ''
      await loadSteps()
      away.value = ''
      if (isBehind()) loadSoon(BEHIND_MS)
      else if (people.value?.notices?.length) loadSoon(NOTICE_MS)
    } catch (error) {
      if (error instanceof Refused && error.status === 404) return
      away.value = sentenceOf(error)
      loadSoon(AWAY_MS)
    }
  }

  /** Does the pool, which is some seconds behind the feed, not know yet what the feed has said? */
  function isBehind(): boolean {
    const events = matters.value.reduce((all, each) => all + each.events, 0)
    const isLate = (revisions.value[revisions.value.length - 1]?.revision ?? 0) < (alert.value?.revision ?? 0)
    return (isLate || events < Math.min(1, alert.value?.evidence.length ?? 0)) && (looks += 1) < MOST_LOOKS
  }

  async function loadSteps(): Promise<void> {
    if (!matter.value) return
    const asking = matter.value
    const path = `v1/matters/${encodeURIComponent(asking)}/timeline`
    const found = await ask<{ steps: Step[] }>(path)
    if (asking === matter.value && !isOver) steps.value = found.steps
  }

  function loadSoon(ms: number): void {
    clearTimeout(later)
    later = window.setTimeout(() => void load(), ms)
  }

  watch(
    () => alert.value?.revision,
    (_, before) => {
      looks = 0
      if (before) loadSoon(SOON_MS)
    },
  )
  watch(matter, (_, before) => before && void loadSteps().catch((error) => (away.value = sentenceOf(error))))
  onUnmounted(() => {
    isOver = true
    clearTimeout(later)
    clearTimeout(rejoined)
  })
  void load()
  /** Events are in another matter now, and no revision may tell when the pool knows. */
  function loadRejoined(): void {
    clearTimeout(rejoined)
    rejoined = window.setTimeout(() => void load(), REJOINED_MS)
  }

  return { alert, people, revisions, matters, matter, steps, isGone, away, load, loadRejoined }
}
