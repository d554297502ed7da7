// Light or dark: as the system says, unless somebody has chosen.
import { computed, ref, watchEffect } from 'vue'
import { kept } from './kept'

export type Theme = 'auto' | 'light' | 'dark'
const ORDER: Theme[] = ['auto', 'light', 'dark']

export const theme = kept<Theme>('theme', 'auto')
const system = matchMedia('(prefers-color-scheme: dark)')
const isSystemDark = ref(system.matches)
system.addEventListener('change', (event) => (isSystemDark.value = event.matches))

export const isDark = computed(() => theme.value === 'dark' || (theme.value === 'auto' && isSystemDark.value))
watchEffect(() => (document.documentElement.dataset.theme = isDark.value ? 'dark' : 'light'))

export function nextTheme(): void {
  theme.value = ORDER[(ORDER.indexOf(theme.value) + 1) % ORDER.length] ?? 'auto'
}
