import { expect, test } from 'vitest'
import { Alerts } from '../src/alerts'
import { aRevision } from './records'

const openIds = (alerts: Alerts) => alerts.open().map((each) => [each.alert_id, each.revision])

test('of each alert the greatest revision counts, in whatever order they come', () => {
  const alerts = new Alerts()
  const said = [3, 1, 2, 3].map((number) => alerts.take(aRevision('a', number)))

  expect(said).toEqual(['changed', 'nothing', 'nothing', 'nothing'])
  expect(openIds(alerts)).toEqual([['a', 3]])
})

test('a revision that is issued again by a later life of the engine replaces the one before', () => {
  const alerts = new Alerts()
  alerts.take(aRevision('a', 2, { level: 'blue' }))

  expect(alerts.take(aRevision('a', 2, { engine_epoch: 2, level: 'yellow' }))).toBe('changed')
  expect(alerts.get('a')?.level).toBe('yellow')
})

test('what has ended is not open, and an old revision does not open it again', () => {
  const alerts = new Alerts()
  alerts.take(aRevision('a', 1))
  alerts.take(aRevision('a', 2, { state: 'closed' }))
  alerts.take(aRevision('a', 1))

  expect(alerts.open()).toEqual([])
})

test('an alert that has left for another county is gone, unless it came back later', () => {
  const alerts = new Alerts()
  alerts.take(aRevision('a', 1))
  alerts.leave('a', 2)
  expect(alerts.open()).toEqual([])

  alerts.take(aRevision('a', 3))
  alerts.leave('a', 2)

  expect(openIds(alerts)).toEqual([['a', 3]])
})

test('only what becomes red rings: not a red one that goes on, not a muted one', () => {
  const alerts = new Alerts()

  expect(alerts.take(aRevision('a', 1))).toBe('changed')
  expect(alerts.take(aRevision('a', 2, { level: 'red' }))).toBe('new-red')
  expect(alerts.take(aRevision('a', 3, { level: 'red', state: 'acked' }))).toBe('changed')
  expect(alerts.take(aRevision('b', 1, { level: 'red', route: { muted_by: ['silence:s'] } }))).toBe('changed')
  expect(alerts.take(aRevision('b', 2, { level: 'red' }))).toBe('new-red')
})

test('a snapshot is all that is open: what it does not name has ended meanwhile', () => {
  const alerts = new Alerts()
  alerts.take(aRevision('a', 1, { level: 'red' }))
  alerts.take(aRevision('b', 1))

  expect(alerts.replace([aRevision('a', 2, { level: 'red' })])).toBe('changed')
  expect(openIds(alerts)).toEqual([['a', 2]])
  expect(alerts.replace([aRevision('c', 1, { level: 'red' })])).toBe('new-red')
})

test('what is open is never forgotten', () => {
  const alerts = new Alerts()
  for (let number = 0; number < 10; number += 1) alerts.take(aRevision(`ended-${number}`, 1, { state: 'closed' }))
  alerts.take(aRevision('a', 1))
  alerts.prune(2)

  expect(openIds(alerts)).toEqual([['a', 1]])
  expect(alerts.get('ended-9')).toBeDefined()
  expect(alerts.get('ended-7')).toBeUndefined()
})
