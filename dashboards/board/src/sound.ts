// A bell for a new red alert: two tones, made here, so that nothing has to be loaded.
import { ref } from 'vue'
import { kept } from './kept'

export const isMuted = kept('muted', false)
export const isBlocked = ref(!navigator.userActivation?.hasBeenActive) // a browser rings only when somebody has touched the page

let context: AudioContext | null = null

/** Let it ring, unless it is muted. */
export function ring(): void {
  if (isMuted.value || isBlocked.value) return
  context ??= new AudioContext()
  const begin = context.currentTime
  for (const [after, tone] of [
    [0, 880],
    [0.22, 660],
    [0.7, 880],
    [0.92, 660],
  ] as const)
    play(context, begin + after, tone)
}

/** Somebody has touched the page: from now on it may ring. */
export function allow(): void {
  isBlocked.value = false
}

function play(on: AudioContext, at: number, tone: number): void {
  const sound = on.createOscillator()
  const volume = on.createGain()
  sound.frequency.value = tone
  volume.gain.setValueAtTime(0, at)
  volume.gain.linearRampToValueAtTime(0.25, at + 0.02)
  volume.gain.exponentialRampToValueAtTime(0.001, at + 0.2)
  sound.connect(volume).connect(on.destination)
  sound.start(at)
  sound.stop(at + 0.22)
}
