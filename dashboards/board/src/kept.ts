// A value that this browser keeps from one visit to the next: language, light, sound. Never who somebody is.
import { ref, watch, type Ref } from 'vue'

export function kept<T>(name: string, otherwise: T): Ref<T> {
  const key = `anlan.${name}`
  const value = ref(read(key, otherwise)) as Ref<T>
  watch(value, (now) => localStorage.setItem(key, JSON.stringify(now)))
  return value
}

function read<T>(key: string, otherwise: T): T {
  try {
    return JSON.parse(localStorage.getItem(key) ?? '') as T
  } catch {
    return otherwise
  }
}
