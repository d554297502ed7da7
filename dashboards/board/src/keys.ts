// The keyboard: which row is marked, and what each key does.
import { nextTick, ref, watch } from 'vue'
import { chosen, choose, rows } from './board'
import { isMuted } from './sound'

export type Form = 'ack' | 'note' | 'close' | 'assign' | 'supervise' | 'answer' | 'silence' | 'unack' | 'reopen'

export const marked = ref(chosen.value)
export const isHelpShown = ref(false)
export const isRunbookShown = ref(false)
export const form = ref<Form | null>(null) // what is being filled in for the chosen alert

const FORMS: Record<string, Form> = { a: 'ack', n: 'note', c: 'close', d: 'assign', v: 'supervise', s: 'silence' }

watch(chosen, (id) => {
  form.value = null
  isRunbookShown.value = false
  if (id) marked.value = id
})

export function hear(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return
  const target = event.target as HTMLElement
  if (target.matches('input, textarea, select')) return
  if (isDone(event.key, target)) event.preventDefault()
}

/** Do what a key is for; says whether it was for anything. */
function isDone(key: string, target: HTMLElement): boolean {
  if (key === 'j' || (key === 'ArrowDown' && target.id === 'list')) return step(1)
  if (key === 'k' || (key === 'ArrowUp' && target.id === 'list')) return step(-1)
  if (key === 'Enter' && !target.matches('button, a, summary')) return openMarked()
  if (key === 'Escape') return back()
  if (key === '/') return focus('search')
  if (key === 'h' && chosen.value) return (isRunbookShown.value = true)
  if (key === '?') return (isHelpShown.value = true)
  if (key === 'm') return ((isMuted.value = !isMuted.value), true)
  const wanted = FORMS[key]
  if (!wanted) return false
  if (!chosen.value) openMarked()
  void nextTick(() => (form.value = chosen.value ? wanted : null)) // before the next key: that one is for the form
  return true
}

function step(by: number): true {
  const at = rows.value.findIndex((each) => each.alert_id === marked.value)
  const to = at < 0 ? 0 : Math.min(rows.value.length - 1, Math.max(0, at + by))
  marked.value = rows.value[to]?.alert_id ?? ''
  document.getElementById('list')?.focus()
  if (chosen.value && marked.value) choose(marked.value) // an open alert follows the mark
  return true
}

function openMarked(): true {
  if (!rows.value.some((each) => each.alert_id === marked.value)) marked.value = rows.value[0]?.alert_id ?? ''
  if (marked.value) choose(marked.value)
  return true
}

function back(): true {
  choose('')
  return focus('list')
}

function focus(id: string): true {
  document.getElementById(id)?.focus()
  return true
}
