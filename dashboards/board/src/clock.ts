// The installation's clock, which may run faster than ours: what the service said it was, and how long ago that was.
import { computed, ref } from 'vue'

const said = ref({ at: Date.now(), heard: performance.now(), speed: 1 })
const beat = ref(performance.now())

setInterval(() => (beat.value = performance.now()), 1000)

export function setClock(now: string, speed: number): void {
  said.value = { at: Date.parse(now), heard: performance.now(), speed }
  beat.value = performance.now()
}

export const speed = computed(() => said.value.speed)

/** Now, once a second. */
export const now = computed(() => {
  const { at, heard, speed: fast } = said.value
  return new Date(at + Math.max(0, beat.value - heard) * fast)
})

/** The machine's own seconds, for what is about this window and not about the city. */
export const machineNow = computed(() => performance.timeOrigin + beat.value)

export const secondsSince = (at: string) => (now.value.getTime() - Date.parse(at)) / 1000
