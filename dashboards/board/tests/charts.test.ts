import { expect, test } from 'vitest'
import { byCounty, byHour, hoursOf, type Look } from '../src/charts'
import type { Count } from '../src/records'

const LOOK: Look = {
  levels: { red: 'r', yellow: 'y', blue: 'b' },
  text: '',
  line: '',
  panel: '',
  font: '',
  level: (level) => level,
  county: (code) => code,
  hour: (at) => at.toISOString().slice(11, 13),
}
const COUNTS: Count[] = [
  { at: '2026-03-02T01:00:00Z', county: 'x', level: 'red', alerts: 2 },
  { at: '2026-03-02T03:00:00Z', county: 'y', level: 'red', alerts: 1 },
  { at: '2026-03-02T03:00:00Z', county: 'x', level: 'blue', alerts: 4 },
]

test('an hour in which nothing was is shown as such', () => {
  const hours = hoursOf('2026-03-02T01:00:00Z', '2026-03-02T03:40:00Z')
  const option = byHour(COUNTS, hours, LOOK)

  expect(option.xAxis.data).toEqual(['01', '02', '03'])
  expect(option.series.map(({ name, data }) => [name, data])).toEqual([
    ['blue', [0, 0, 4]],
    ['yellow', [0, 0, 0]],
    ['red', [2, 0, 1]],
  ])
})

test('the county with most alerts stands at the top', () => {
  const option = byCounty(COUNTS, LOOK)

  expect(option.yAxis.data).toEqual(['y', 'x'])
  expect(option.series[2]?.data).toEqual([1, 2])
})
