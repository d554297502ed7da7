// What is known of each alert, by the rule for readers of a feed: the greatest (revision, engine_epoch) counts.
import { isMuted, isOpen, type Revision } from './records'

export type Change = 'new-red' | 'changed' | 'nothing'

interface Known {
  revision: number
  epoch: number
  record: Revision | null // null: it lies in another county now
}

export class Alerts {
  private known = new Map<string, Known>()

  /** Take one revision of the feed; what comes again, or behind what is known, says nothing. */
  take(record: Revision): Change {
    const before = this.known.get(record.alert_id)
    if (before && !isLater(record, before)) return 'nothing'
    this.known.set(record.alert_id, { revision: record.revision, epoch: record.engine_epoch, record })
    return isRed(record) && !(before?.record && isRed(before.record)) ? 'new-red' : 'changed'
  }

  /** An alert has left this feed with that revision. */
  leave(alertId: string, revision: number): Change {
    const before = this.known.get(alertId)
    if (before && before.revision > revision) return 'nothing'
    this.known.set(alertId, { revision, epoch: before?.epoch ?? 0, record: null })
    return 'changed'
  }

  /** Begin again with all that is open; says whether one of it is red and was not known to be. */
  replace(open: Revision[]): Change {
    const before = this.known
    this.known = new Map()
    let change: Change = 'changed'
    for (const record of open) {
      this.known.set(record.alert_id, { revision: record.revision, epoch: record.engine_epoch, record })
      const was = before.get(record.alert_id)?.record
      if (isRed(record) && !(was && isRed(was))) change = 'new-red'
    }
    return change
  }

  get(alertId: string): Revision | undefined {
    return this.known.get(alertId)?.record ?? undefined
  }

  /** Everything that is open or acked, in no order. */
  open(): Revision[] {
    return [...this.known.values()].flatMap(({ record }) => (record && isOpen(record) ? [record] : []))
  }

  /** The last `count` alerts of which anything was said, whatever became of them. */
  recent(count: number): Revision[] {
    const all = [...this.known.values()].flatMap(({ record }) => (record ? [record] : []))
    return all.sort((left, right) => Date.parse(right.detected_at) - Date.parse(left.detected_at)).slice(0, count)
  }

  /** Forget what has ended, but for the last `keep`. */
  prune(keep: number): void {
    const ended = [...this.known].filter(([, { record }]) => !record || !isOpen(record))
    for (const [id] of ended.slice(0, Math.max(0, ended.length - keep))) this.known.delete(id)
  }
}

const isLater = (record: Revision, than: Known) =>
  record.revision > than.revision || (record.revision === than.revision && record.engine_epoch > than.epoch)

const isRed = (record: Revision) => record.level === 'red' && isOpen(record) && !isMuted(record)
