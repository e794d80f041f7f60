import { describe, expect, it } from 'vitest';
import { METRIC_PREFIX, METRICS, type MetricRow } from '../../src/telemetry/metric-table.ts';
import { boardQueries, boardVariables, type PrometheusQuery, ruleQueries } from '../support/prometheus-queries.ts';

const RULES = ruleQueries();
const QUERIES = [...boardQueries(), ...RULES];
const ROWS: readonly [string, MetricRow][] = Object.entries(METRICS);
/** What Prometheus itself adds to every series of a target. */
const OF_TARGETS = ['job', 'instance'];
/** Series that are not ours: whether a target answers, and what the client library tells of the process. */
const FOREIGN = new Set(['up', 'process_resident_memory_bytes']);

/** The labels of every series that a query may name: ours, those of the rules, and the few that are not ours. */
const SERIES: ReadonlyMap<string, readonly string[]> = new Map([
  ...ROWS.flatMap(([name, { type, labels }]): [string, readonly string[]][] =>
    type === 'histogram'
      ? [
          [`${METRIC_PREFIX}${name}_bucket`, [...labels, 'le']],
          [`${METRIC_PREFIX}${name}_sum`, labels],
          [`${METRIC_PREFIX}${name}_count`, labels],
        ]
      : [[`${METRIC_PREFIX}${name}`, labels]],
  ),
  ...RULES.flatMap(({ records, expr }): [string, readonly string[]][] =>
    records === null ? [] : [[records, groupedBy(expr)]],
  ),
  ...[...FOREIGN].map((name): [string, readonly string[]] => [name, []]),
]);

interface Selector {
  readonly name: string;
  readonly labels: readonly string[];
}

/** Names that are followed neither by `(` (functions) nor by what only stands in clauses; with the labels in braces. */
function selectorsIn(expr: string): Selector[] {
  const bare = expr.replace(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, '');
  const found = [
    ...bare.matchAll(/([a-zA-Z_:][\w:]*)(?=\s*[{[)<>=!+*\-/]|\s*$|\s+(?:and|or|unless)\b)(?:\{([^}]*)\})?/g),
  ];
  return found
    .map(([, name = '', labels = '']) => ({
      name,
      labels: [...labels.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label),
    }))
    .filter(({ name }) => name.includes('_') || name.includes(':') || FOREIGN.has(name));
}

function groupedBy(expr: string): string[] {
  return [...expr.matchAll(/\bby\s*\(([^)]*)\)/g)].flatMap(([, list = '']) =>
    list.split(',').map((label) => label.trim()),
  );
}

function labelsOf({ expr }: PrometheusQuery): Set<string> {
  return new Set([...selectorsIn(expr).flatMap(({ name }) => SERIES.get(name) ?? []), ...OF_TARGETS]);
}

it('the check reads queries as Prometheus does', () => {
  const expr =
    'sum by (team, le) (rate(metertap_a_total{team=~"x|y",model!="z"}[5m])) / b:c_d:e > 0.1 and up{job="m"} == 0';
  expect(selectorsIn(expr)).toEqual([
    { name: 'metertap_a_total', labels: ['team', 'model'] },
    { name: 'b:c_d:e', labels: [] },
    { name: 'up', labels: ['job'] },
  ]);
  expect(groupedBy(expr)).toEqual(['team', 'le']);
});

describe.each(QUERIES.map((query) => [query.where, query] as const))('%s', (_where, query) => {
  it('asks for series that exist, by labels that they have', () => {
    const selectors = selectorsIn(query.expr);
    expect(selectors.length).toBeGreaterThan(0);
    expect(selectors.map(({ name }) => name).filter((name) => !SERIES.has(name))).toEqual([]);
    for (const { name, labels } of selectors)
      expect([...(SERIES.get(name) ?? []), ...OF_TARGETS]).toEqual(expect.arrayContaining([...labels]));
    expect([...labelsOf(query)]).toEqual(expect.arrayContaining(groupedBy(query.expr)));
  });

  it('names in its texts only labels that its result has', () => {
    const named = [...query.templates.matchAll(/\{\{\s*(?:\$labels\.)?([a-z_]+)\s*\}\}/g)].map(
      ([, label = '']) => label,
    );
    const grouped = groupedBy(query.expr);
    const kept = grouped.length === 0 ? [...labelsOf(query)] : grouped;
    expect(kept).toEqual(expect.arrayContaining(named.filter((label) => label !== 'value')));
  });
});

it.each(boardVariables().map(({ name, definition }) => [name, definition]))(
  'the variable %s takes its values from %s',
  (_name, definition = '') => {
    const [, series = '', label = ''] = /^label_values\((\w+), (\w+)\)$/.exec(definition) ?? [];
    expect(SERIES.get(series)).toContain(label);
  },
);

it('no metric of ours is on no board and in no rule without a reason', () => {
  const asked = new Set(QUERIES.flatMap(({ expr }) => selectorsIn(expr).map(({ name }) => name)));
  const shown = (name: string) =>
    ['', '_bucket', '_sum', '_count'].some((part) => asked.has(`${METRIC_PREFIX}${name}${part}`));
  // Free requests are in no book, corrections are told by statements, delivered and failed events follow from the lag,
  // and alerts are told by sinks.
  const left = [
    'free_requests_total',
    'cost_corrections_usd_total',
    'sink_delivered_total',
    'sink_failures_total',
    'sink_lost_records_total',
    'alerts_total',
    'config_last_reload_success_timestamp_seconds',
  ];
  expect(ROWS.map(([name]) => name).filter((name) => !shown(name) && !left.includes(name))).toEqual([]);
});
