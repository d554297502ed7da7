// The words of the screen, Chinese first, English as the other; and what the service calls things.
import { computed, ref, watchEffect } from 'vue'
import { kept } from './kept'
import type { Names, Region, Text } from './records'
import type { Lang } from './spell'
import en from './words/en.json'
import zh from './words/zh.json'

type Leaf<T, P extends string = ''> = {
  [K in keyof T & string]: T[K] extends string ? `${P}${K}` : Leaf<T[K], `${P}${K}.`>
}[keyof T & string]

export type Word = Leaf<typeof zh>

const WORDS: Record<Lang, unknown> = { zh, en: en satisfies Shape<typeof zh> }
type Shape<T> = { [K in keyof T]: T[K] extends string ? string : Shape<T[K]> }

export const lang = kept<Lang>('lang', 'zh')
watchEffect(() => {
  document.documentElement.lang = lang.value === 'zh' ? 'zh-CN' : 'en'
  document.title = say('title')
})

function find(path: string): string | undefined {
  let at: unknown = WORDS[lang.value]
  for (const part of path.split('.')) at = (at as Record<string, unknown> | undefined)?.[part]
  return typeof at === 'string' ? at : undefined
}

/** A word or a sentence, with its `{places}` filled. */
export function say(word: Word, filled: Record<string, string | number> = {}): string {
  return (find(word) ?? word).replace(/\{(\w+)\}/g, (place, name: string) => String(filled[name] ?? place))
}

/** The word for a value of the service; the value itself where there is none. */
export const sayValue = (group: string, value: string) => find(`${group}.${value}`) ?? value

/** Some words one after another. */
export const listed = (words: string[]) => words.join(lang.value === 'zh' ? '、' : ', ')

/** One of two texts of the service. */
export const sayText = (text: Text) => (lang.value === 'zh' ? text.zh || text.en : text.en || text.zh)

export const names = ref<Names>({ rules: {}, regions: {}, channels: {}, topics: {} })

export function ruleName(rule: string): string {
  const known = names.value.rules[rule]
  return known ? sayText(known.title) : rule
}

export function channelName(channel: string): string {
  const known = names.value.channels[channel]
  return known ? sayText(known) : channel
}

export const topicName = (topic: string) => (lang.value === 'zh' ? (names.value.topics[topic] ?? topic) : topic)

/** A branch, a step or a cue of a rule; a topic, where it is that. */
export function partName(rule: string, part: string): string {
  const known = names.value.rules[rule]?.parts[part]
  return known ? sayText(known) : topicName(part)
}

export const regionCode = (code: string) => names.value.regions[code] ?? code

/** A place by its names, as far down as it is known. */
export function placeName(region: Region): string {
  const codes = [region.county, region.township, region.village].filter((code): code is string => !!code)
  return codes.map(regionCode).join(' ') || say('city')
}

/** A word, and what it is. */
export const labelled = (label: string, words: string) => `${label}${lang.value === 'zh' ? '：' : ': '}${words}`

export const isChinese = computed(() => lang.value === 'zh')
