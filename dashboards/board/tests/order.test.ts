import { expect, test } from 'vitest'
import { EVERYTHING, listed } from '../src/order'
import type { Revision } from '../src/records'
import { aRevision } from './records'

const at = (each: Revision) => each.matched_at
const ids = (open: Revision[], wanted = EVERYTHING) =>
  listed(open, wanted, (each) => `${each.alert_id} ${each.rule}`, at).map(({ alerts }) =>
    alerts.map((each) => each.alert_id),
  )

test('the highest level first, then what nobody has taken, then the newest', () => {
  const open = [
    aRevision('old', 1, { matched_at: '2026-03-02T01:00:00Z' }),
    aRevision('new', 1, { matched_at: '2026-03-02T02:00:00Z' }),
    aRevision('acked', 1, { state: 'acked', matched_at: '2026-03-02T03:00:00Z' }),
    aRevision('muted', 1, { route: { muted_by: ['interval:night'] }, matched_at: '2026-03-02T04:00:00Z' }),
    aRevision('high', 1, { level: 'red', matched_at: '2026-03-01T00:00:00Z' }),
  ]

  expect(ids(open)).toEqual([['high'], [], ['new', 'old', 'acked', 'muted']])
})

test('filters narrow: county, rule, state and every word of a search', () => {
  const open = [
    aRevision('here'),
    aRevision('there', 1, { region: { county: '620103' }, rule: 'gi.group-incident', state: 'acked' }),
  ]

  expect(ids(open, { ...EVERYTHING, county: '620103' })[2]).toEqual(['there'])
  expect(ids(open, { ...EVERYTHING, rule: 'rc.repeat-contact' })[2]).toEqual(['here'])
  expect(ids(open, { ...EVERYTHING, state: 'acked' })[2]).toEqual(['there'])
  expect(ids(open, { ...EVERYTHING, words: 'GROUP there' })[2]).toEqual(['there'])
  expect(ids(open, { ...EVERYTHING, words: 'group here-not' })[2]).toEqual([])
})
