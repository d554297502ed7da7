// A revision for tests: every field that must be there, and what a test changes.
import type { Revision } from '../src/records'

export function aRevision(alertId: string, revision = 1, changes: Partial<Revision> = {}): Revision {
  return {
    alert_id: alertId, revision, engine_epoch: 1, rule: 'rc.repeat-contact', rule_version: 1, kind: 'threshold',
    purpose: 'service-quality', state: 'open', reason: 'opened', level: 'blue', level_max: 'blue', key: {},
    region: { county: '620102' }, channels: [], first_occurred_at: '2026-03-02T01:00:00Z',
    last_occurred_at: '2026-03-02T01:00:00Z', matched_at: '2026-03-02T01:00:00Z', detected_at: '2026-03-02T01:00:00Z',
    count: 1, distinct: null, steps: null, due: null, breach_seconds: null, evidence: [], evidence_total: 0, delta: [],
    text: { zh: '', en: '' }, explain: {}, nearest_next: null, route: {}, links: [], runbook: '',
    confidence: 'confirmed', ...changes,
  }
}
