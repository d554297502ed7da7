// A short word on what was done, which goes away by itself.
import { ref } from 'vue'

const SHOWN_MS = 4000

export const toast = ref('')
let timer = 0

export function tell(words: string): void {
  toast.value = words
  clearTimeout(timer)
  timer = window.setTimeout(() => (toast.value = ''), SHOWN_MS)
}
