// The charts of the day as options for ECharts; colours and words are given, nothing is asked.
import { LEVELS, type Count, type Level } from './records'

export interface Look {
  levels: Record<Level, string>
  text: string
  line: string
  panel: string
  font: string
  level(level: Level): string
  county(code: string): string
  hour(at: Date): string
}

const HOUR_MS = 3_600_000

/** Every hour from `since` up to `now`, also those in which nothing was. */
export function hoursOf(since: string, now: string): number[] {
  const first = Date.parse(since)
  return Array.from(
    { length: Math.floor((Date.parse(now) - first) / HOUR_MS) + 1 },
    (_, index) => first + index * HOUR_MS,
  )
}

export function sum(counts: Count[], fits: (count: Count) => boolean): number {
  return counts.reduce((all, each) => all + (fits(each) ? each.alerts : 0), 0)
}

export function byHour(counts: Count[], hours: number[], look: Look) {
  const value = (at: number, level: Level) => sum(counts, (each) => Date.parse(each.at) === at && each.level === level)
  return {
    ...frame(look),
    grid: { left: 4, right: 8, top: 10, bottom: 2, containLabel: true },
    xAxis: {
      type: 'category',
      data: hours.map((at) => look.hour(new Date(at))),
      ...axis(look),
      axisTick: { show: false },
    },
    yAxis: { type: 'value', minInterval: 1, ...axis(look), splitLine: { lineStyle: { color: look.line } } },
    series: stacked(look, (level) => hours.map((at) => value(at, level))),
  }
}

export function byCounty(counts: Count[], look: Look) {
  const codes = [...new Set(counts.map((each) => each.county))]
  const total = (code: string) => sum(counts, (each) => each.county === code)
  const order = codes.sort((left, right) => total(left) - total(right)).slice(-8)
  return {
    ...frame(look),
    grid: { left: 4, right: 14, top: 4, bottom: 2, containLabel: true },
    xAxis: { type: 'value', minInterval: 1, ...axis(look), splitLine: { lineStyle: { color: look.line } } },
    yAxis: { type: 'category', data: order.map(look.county), ...axis(look), axisTick: { show: false } },
    series: stacked(look, (level) =>
      order.map((code) => sum(counts, (each) => each.county === code && each.level === level)),
    ),
  }
}

function stacked(look: Look, data: (level: Level) => number[]) {
  return [...LEVELS].reverse().map((level) => ({
    type: 'bar' as const,
    stack: 'all',
    name: look.level(level),
    data: data(level),
    barMaxWidth: 18,
    itemStyle: { color: look.levels[level], decal: DECALS[level] },
    emphasis: { disabled: true },
  }))
}

// beside the colour, so that levels are told apart without it
const DECALS: Record<Level, object> = {
  red: { symbol: 'none' },
  yellow: {
    symbol: 'rect',
    dashArrayX: [1, 0],
    dashArrayY: [2, 4],
    rotation: -Math.PI / 4,
    color: 'rgba(0, 0, 0, 0.28)',
  },
  blue: {
    symbol: 'circle',
    symbolSize: 0.6,
    dashArrayX: [
      [4, 4],
      [0, 4, 4, 0],
    ],
    dashArrayY: [4, 0],
    color: 'rgba(255, 255, 255, 0.5)',
  },
}

const axis = (look: Look) => ({
  axisLabel: { color: look.text, hideOverlap: true },
  axisLine: { lineStyle: { color: look.line } },
})

const frame = (look: Look) => ({
  animation: false,
  textStyle: { fontFamily: look.font, color: look.text },
  tooltip: {
    trigger: 'axis' as const,
    renderMode: 'richText' as const, // a box made of styled HTML would break the page's security policy
    axisPointer: { type: 'shadow' as const },
    backgroundColor: look.panel,
    borderColor: look.line,
    textStyle: { color: look.text },
    confine: true,
  },
})
