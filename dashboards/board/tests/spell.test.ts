import { expect, test } from 'vitest'
import { clockTime, length, size, veiled } from '../src/spell'

test.each([
  [59, '不到1分钟', '< 1 min'],
  [60, '1分钟', '1 min'],
  [3_660, '1小时1分钟', '1 h 1 min'],
  [90_000, '1天1小时', '1 d 1 h'],
  [86_460, '1天', '1 d'],
  [-5, '不到1分钟', '< 1 min'],
])('%d s is %s, %s', (seconds, zh, en) => {
  expect(length(seconds, 'zh')).toBe(zh)
  expect(length(seconds, 'en')).toBe(en)
})

test('an instant is shown by the clocks of the centre, with the day where it is another one', () => {
  const now = new Date('2026-03-02T20:00:00Z') // the 3rd, 04:00

  expect(clockTime(new Date('2026-03-02T16:00:00Z'), now)).toBe('00:00')
  expect(clockTime(new Date('2026-03-02T15:59:00Z'), now)).toBe('03-02 23:59')
})

test('a pseudonym is cut to its beginning', () => {
  expect(veiled('对 k1:bcdfghjkmnprstvzbcdf 的')).toBe('对 k1:bcdfg… 的')
})

test('a window is said in words', () => {
  expect([size('180d', 'zh'), size('72h', 'en'), size('', 'zh')]).toEqual(['180天', '72 h', ''])
})
