import { expect, test } from 'vitest'
import { follow, type Connection } from '../src/follow'
import type { Revision, Snapshot } from '../src/records'
import { Away, Refused } from '../src/refusal'
import { aRevision } from './records'

type Part = Revision | Error | 'begin'

/** A service that gives one list of parts a connection, and then no more. */
async function followed(snapshots: (Revision[] | Error)[], connections: Part[][]) {
  const ended = new AbortController()
  const log: string[] = []
  const waits: number[] = []
  let place = 0
  let clock = 0
  const heard = {
    snapshot: (found: Snapshot) => void log.push(`snapshot ${found.alerts.map((each) => each.alert_id).join()}`),
    revision: (record: Revision) => void log.push(record.alert_id),
    left: (alertId: string) => void log.push(`left ${alertId}`),
    connection: ({ is, since, why }: Connection) => void log.push(`${is} since ${since}${why && `: ${why}`}`),
    refused: () => void log.push('refused'),
  }
  async function* stream(after: number) {
    log.push(`stream after ${after}`)
    const parts = connections.shift() ?? []
    for (const part of parts) {
      if (part instanceof Error) throw part
      if (part === 'begin') yield { kind: 'begin', id: String(after), data: '{}' }
      else yield { kind: 'revision', id: String((place += 1)), data: JSON.stringify(part) }
    }
  }
  const snapshot = async () => {
    const found = snapshots.shift() ?? []
    if (found instanceof Error) throw found
    return { feed: 'f', place, alerts: found, is_whole: true }
  }
  const wait = async (ms: number) => {
    waits.push(ms)
    clock += ms
    if (!connections.length && !snapshots.length) ended.abort()
  }
  await follow({ snapshot, stream, wait, now: () => clock, random: () => 0.5 }, heard, ended.signal)
  return { log, waits }
}

test('after a break it goes on behind the last place that it heard', async () => {
  const { log } = await followed(
    [[aRevision('a')]],
    [
      ['begin', aRevision('b')],
      ['begin', aRevision('c')],
    ],
  )

  expect(log).toEqual([
    'snapshot a',
    'stream after 0',
    'live since 0',
    'b',
    'broken since 0',
    'stream after 1',
    'live since 500',
    'c',
    'broken since 500',
  ])
})

test('a place that is gone begins with a snapshot again, at once', async () => {
  const { log, waits } = await followed(
    [[], [aRevision('x')]],
    [['begin', aRevision('b')], [new Refused(410, 'gone')], ['begin']],
  )

  expect(log.filter((each) => each.startsWith('snapshot'))).toEqual(['snapshot ', 'snapshot x'])
  expect(waits.length).toBe(2)
})

test('it waits longer each time, and says since when it is broken', async () => {
  const { log, waits } = await followed(
    [[]],
    [[new Away('x')], [new Away('x')], [new Away('x')], ['begin'], [new Away('x')]],
  )

  expect(waits).toEqual([500, 1000, 2000, 500, 1000])
  expect(log.filter((each) => each.startsWith('broken')).slice(0, 3)).toEqual([
    'broken since 0',
    'broken since 0',
    'broken since 0',
  ])
})

test('what the service says of a break is told', async () => {
  const { log } = await followed([[]], [[new Refused(429, 'too many streams')], ['begin']])

  expect(log).toContain('broken since 0: too many streams')
})

test('a token that opens nothing any more ends it', async () => {
  const { log } = await followed([new Refused(401, 'no')], [[]])

  expect(log).toEqual(['refused'])
})
