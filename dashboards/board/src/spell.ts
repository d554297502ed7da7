// How numbers, times and tokens are written. Nothing here knows what time it is.

const UNITS = {
  zh: [
    [86_400, '天'],
    [3_600, '小时'],
    [60, '分钟'],
  ],
  en: [
    [86_400, 'd'],
    [3_600, 'h'],
    [60, 'min'],
  ],
} as const
const TOKEN = /[a-z][a-z0-9]{0,7}:[bcdfghjkmnprstvz]{20}/g // a pseudonym: its key, and what stands for the person

export type Lang = keyof typeof UNITS

/** A length of time in its two greatest units: `2天3小时`, `2 d 3 h`. */
export function length(seconds: number, lang: Lang): string {
  let rest = Math.max(0, Math.floor(seconds))
  const parts: string[] = []
  for (const [size, name] of UNITS[lang]) {
    const count = Math.floor(rest / size)
    rest -= count * size
    const isBegun = parts.length > 0
    if (count > 0) parts.push(lang === 'zh' ? `${count}${name}` : `${count} ${name}`)
    if (isBegun || parts.length === 2) break
  }
  if (parts.length > 0) return parts.join(lang === 'zh' ? '' : ' ')
  return lang === 'zh' ? '不到1分钟' : '< 1 min'
}

const SIZES = { zh: { d: '天', h: '小时', m: '分钟' }, en: { d: ' d', h: ' h', m: ' min' } } as const

/** The size of a window as rules write it: `180d` is `180天`. */
export function size(window: string, lang: Lang): string {
  return window.replace(/^(\d+)([dhm])$/, (_, count: string, unit: 'd' | 'h' | 'm') => `${count}${SIZES[lang][unit]}`)
}

const ZONE = 'Asia/Shanghai'
const PARTS = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone: ZONE } as const
const HOUR_MINUTE = new Intl.DateTimeFormat('en-GB', PARTS)
const WITH_SECONDS = new Intl.DateTimeFormat('en-GB', { ...PARTS, second: '2-digit' })
const DAY = new Intl.DateTimeFormat('en-GB', { month: '2-digit', day: '2-digit', timeZone: ZONE })

const monthDay = (at: Date) => DAY.format(at).split('/').reverse().join('-')

/** An instant as clocks in the centre show it: `09:41`, or `03-02 09:41` on another day than `now`. */
export function clockTime(at: Date, now: Date): string {
  return monthDay(at) === monthDay(now) ? HOUR_MINUTE.format(at) : `${monthDay(at)} ${HOUR_MINUTE.format(at)}`
}

export const dayAndTime = (at: Date) => `${monthDay(at)} ${HOUR_MINUTE.format(at)}`
export const dayAndSeconds = (at: Date) => `${monthDay(at)} ${WITH_SECONDS.format(at)}`
export const hourOfDay = (at: Date) => HOUR_MINUTE.format(at)

/** A text whose pseudonyms are cut to their beginnings: enough to tell two apart, too little to look one up. */
export function veiled(text: string, shown = 8): string {
  return text.replace(TOKEN, (token) => `${token.slice(0, shown)}…`)
}

export const shortId = (id: string) => id.slice(0, 8)
