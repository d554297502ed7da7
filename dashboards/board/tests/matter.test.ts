import { expect, test } from 'vitest'
import { cases } from '../src/matter'
import type { Step } from '../src/records'

const step = (event_id: string, changes: Partial<Step> = {}): Step => ({
  event_id,
  channel: 'hotline',
  action: 'received',
  occurred_at: '2026-03-02T01:00:00Z',
  is_contact: true,
  ...changes,
})

test('a report and what was done about it are one case, the latest case first', () => {
  const found = cases([
    step('a', { case: 'G1' }),
    step('b'),
    step('a-closed', { case: 'G1', action: 'closed' }),
    step('c', { case: 'G1', channel: 'police' }),
    step('d'),
  ])

  expect(found.map((each) => each.ids)).toEqual([['d'], ['c'], ['b'], ['a', 'a-closed']])
  expect(found[3]?.first.event_id).toBe('a')
})
