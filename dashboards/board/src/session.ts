// Who is signed in: a token that this window keeps until it closes, and that no address ever shows.
import { ref } from 'vue'

const KEY = 'anlan.token'

export const token = ref(taken() || sessionStorage.getItem(KEY) || '')

export function signIn(given: string): void {
  sessionStorage.setItem(KEY, given)
  token.value = given
}

export function signOut(): void {
  sessionStorage.removeItem(KEY)
  token.value = ''
}

/** A token behind the `#` of the address, which no server and no log ever sees; it is taken out at once. */
function taken(): string {
  const given = new URLSearchParams(location.hash.slice(1)).get('token') ?? ''
  if (given) {
    sessionStorage.setItem(KEY, given)
    history.replaceState(null, '', location.pathname + location.search)
  }
  return given
}
