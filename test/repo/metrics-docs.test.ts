import { describe, expect, it } from 'vitest';
import { METRIC_PREFIX, METRICS, type MetricRow, MISSING_REASONS } from '../../src/telemetry/metric-table.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { readText, tableCells } from './repository.ts';

const DOCS = readText('docs/metrics.md');
const ROWS: [string, MetricRow][] = Object.entries(METRICS);

function labelsText(row: MetricRow): string {
  const labels = row.labels.map((label) => `\`${label}\``);
  if (row.byKey) labels.push('(`key_id`)');
  return labels.length === 0 ? '–' : labels.join(', ');
}

describe('docs/metrics.md', () => {
  it('has one row for each metric, with its type, labels and meaning, and no other', () => {
    const expected = ROWS.map(([name, row]) => [`\`${METRIC_PREFIX}${name}\``, row.type, labelsText(row), row.help]);
    const documented = tableCells(DOCS, 'metric');
    expect(documented.toSorted(byName)).toEqual(expected.toSorted(byName));
  });

  it('names the same reasons for missing usage as the code', () => {
    expect(tableCells(DOCS, 'reason').map(([reason]) => reason)).toEqual(MISSING_REASONS.map((name) => `\`${name}\``));
  });
});

describe('the table of metrics', () => {
  it('is what a scrape gives, and nothing is made beside it', async () => {
    const metrics = createMetrics({
      labelApiKey: false,
      isKnownModel: () => true,
      isMeteredEndpoint: () => true,
      version: '1',
      nodeVersion: '1',
      collectProcess: false,
    });
    const { body } = await metrics.text();
    const given = [...body.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]);
    const expected = ROWS.map(([name, row]) => [METRIC_PREFIX + name, row.type]);
    expect(given.toSorted(byName)).toEqual(expected.toSorted(byName));
  });

  it.each(ROWS)('%s is named as Prometheus wants it', (name, row) => {
    expect(name).toMatch(/^[a-z]+(?:_[a-z]+)*$/);
    expect(name.endsWith('_total'), 'counters, and only they, end in _total').toBe(row.type === 'counter');
    if (row.type === 'histogram') {
      expect(name).toMatch(/_seconds$/);
      expect(row.buckets).toEqual(row.buckets?.toSorted((a, b) => a - b));
    }
    expect(row.help).toMatch(/\.$/);
  });

  it.each(ROWS)('%s has no label that is without bound', (_name, row) => {
    const unbounded = ['run_id', 'session_id', 'user', 'agent', 'path', 'url', 'id', 'key', 'api_key'];
    expect(row.labels.filter((label) => unbounded.includes(label))).toEqual([]);
  });
});

function byName(a: readonly unknown[], b: readonly unknown[]): number {
  return String(a[0]).localeCompare(String(b[0]));
}
