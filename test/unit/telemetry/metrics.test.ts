import { beforeEach, describe, expect, it } from 'vitest';
import type { CallTiming } from '../../../src/telemetry/call-fold.ts';
import { MAX_TEAMS } from '../../../src/telemetry/label-bounds.ts';
import { createMetrics, type Metrics, type MetricsOptions } from '../../../src/telemetry/metrics.ts';
import { makeUsage } from '../../support/make-call-record.ts';
import { streamedCall } from './streamed-call.ts';

const KNOWN_MODELS = ['gpt-5-mini', 'gpt-5-mini-2026-02-01'];
const NO_TIMING: CallTiming = { overheadSeconds: null, timeToFirstTokenSeconds: null };

function newMetrics(changes: Partial<MetricsOptions> = {}): Metrics {
  return createMetrics({
    labelApiKey: false,
    isKnownModel: (model) => KNOWN_MODELS.includes(model),
    isMeteredEndpoint: (endpoint) => endpoint !== 'other',
    version: '1.2.3',
    nodeVersion: '24.0.0',
    collectProcess: false,
    ...changes,
  });
}

/** The samples of one metric: labels as written, and value. */
async function samples(metrics: Metrics, name: string): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const line of (await metrics.text()).body.split('\n')) {
    const match = /^metertap_(\w+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (match?.[1] === name) found[match[2] ?? ''] = Number(match[3]);
  }
  return found;
}

async function total(metrics: Metrics, name: string): Promise<number> {
  return Object.values(await samples(metrics, name)).reduce((sum, value) => sum + value, 0);
}

let metrics: Metrics;
beforeEach(() => {
  metrics = newMetrics();
});

describe('a call with reported usage', () => {
  it('is counted once, under its labels', async () => {
    metrics.recordCall(streamedCall(), NO_TIMING);
    expect(await samples(metrics, 'requests_total')).toEqual({
      'team="research",upstream="openai",endpoint="chat/completions",model="gpt-5-mini-2026-02-01",status_class="2xx"': 1,
    });
  });

  it('adds its tokens and its cost', async () => {
    metrics.recordCall(streamedCall(), NO_TIMING);
    metrics.recordCall(streamedCall(), NO_TIMING);
    const labels = 'team="research",upstream="openai",model="gpt-5-mini-2026-02-01"';
    expect(await samples(metrics, 'input_tokens_total')).toEqual({ [labels]: 2400 });
    expect(await samples(metrics, 'output_tokens_total')).toEqual({ [labels]: 600 });
    expect(await samples(metrics, 'cache_read_tokens_total')).toEqual({ [labels]: 2048 });
    expect(await samples(metrics, 'cache_write_tokens_total')).toEqual({ [labels]: 0 });
    expect(await samples(metrics, 'reasoning_tokens_total')).toEqual({ [labels]: 512 });
    expect(await samples(metrics, 'cost_usd_total')).toEqual({ [labels]: 0.0046912 });
    expect(await samples(metrics, 'estimated_input_tokens_total')).toEqual({});
  });

  it('is not counted again by a second scrape, and goes on from there', async () => {
    metrics.recordCall(streamedCall(), NO_TIMING);
    await metrics.text();
    expect(await total(metrics, 'input_tokens_total')).toBe(1200);
    metrics.recordCall(streamedCall(), NO_TIMING);
    expect(await total(metrics, 'input_tokens_total')).toBe(2400);
  });

  it('leaves cost out where no price is known, and says so', async () => {
    metrics.recordCall(streamedCall({ cost_nano_usd: null, cost_usd: null, price_id: null }), NO_TIMING);
    expect(await samples(metrics, 'cost_usd_total')).toEqual({});
    expect(await total(metrics, 'unpriced_requests_total')).toBe(1);
  });
});

describe('a call without reported usage', () => {
  it('counts estimates apart from reports', async () => {
    metrics.recordCall(streamedCall({ usage_source: 'estimated', ending: 'client_left', status: 499 }), NO_TIMING);
    expect(await samples(metrics, 'input_tokens_total')).toEqual({});
    expect(await total(metrics, 'estimated_input_tokens_total')).toBe(1200);
    expect(await total(metrics, 'estimated_output_tokens_total')).toBe(300);
    expect(await total(metrics, 'usage_estimated_total')).toBe(1);
    expect(await total(metrics, 'cost_usd_total')).toBe(0.0023456);
    expect(await total(metrics, 'estimated_cost_usd_total')).toBe(0.0023456);
  });

  it.each([
    ['upstream_error', 500, 'upstream_error'],
    ['upstream_cut', 200, 'upstream_cut'],
    ['client_left', 499, 'client_left'],
    ['timed_out', 504, 'timed_out'],
    ['interrupted', null, 'interrupted'],
    ['completed', 200, 'not_in_answer'],
    ['completed', 400, 'upstream_error'],
  ] as const)('that ended %s with status %s is missing because of %s', async (ending, status, reason) => {
    const record = streamedCall({ usage_source: 'missing', usage: null, cost_nano_usd: null, ending, status });
    metrics.recordCall(record, NO_TIMING);
    const counted = await samples(metrics, 'usage_missing_total');
    expect(counted[`reason="${reason}"`]).toBe(1);
    expect(await total(metrics, 'usage_missing_total')).toBe(1);
    expect(await total(metrics, 'unpriced_requests_total')).toBe(0);
    expect(await samples(metrics, 'input_tokens_total')).toEqual({});
  });

  it('at an unknown endpoint is unmetered, not missing', async () => {
    metrics.recordCall(streamedCall({ endpoint: 'other', usage_source: 'missing', usage: null }), NO_TIMING);
    expect(await total(metrics, 'unmetered_requests_total')).toBe(1);
    expect(await total(metrics, 'usage_missing_total')).toBe(0);
  });
});

it.each(['in_flight', 'queued'] as const)('a call that is %s is not counted', async (ending) => {
  metrics.recordCall(streamedCall({ ending }), NO_TIMING);
  expect(await samples(metrics, 'requests_total')).toEqual({});
  expect(await samples(metrics, 'input_tokens_total')).toEqual({});
});

describe('labels', () => {
  it.each([
    ['gpt-5-mini', 'gpt-5-mini-2026-02-01', 'gpt-5-mini-2026-02-01'],
    ['gpt-5-mini', 'made-up', 'gpt-5-mini'],
    ['gpt-5-mini', null, 'gpt-5-mini'],
    ['made-up', 'made-up-too', 'other'],
    [null, null, 'other'],
  ])('for %s asked and %s answered the model is %s', async (request_model, response_model, label) => {
    metrics.recordCall(streamedCall({ request_model, response_model }), NO_TIMING);
    expect(Object.keys(await samples(metrics, 'input_tokens_total'))).toEqual([
      `team="research",upstream="openai",model="${label}"`,
    ]);
  });

  it('stop at a number of teams, and the sums stay right', async () => {
    for (let i = 0; i < MAX_TEAMS + 5; i++) metrics.recordCall(streamedCall({ team: `key_${i}` }), NO_TIMING);
    const counted = await samples(metrics, 'requests_total');
    expect(Object.keys(counted)).toHaveLength(MAX_TEAMS + 1);
    expect(Object.entries(counted).find(([labels]) => labels.includes('team="other"'))?.[1]).toBe(5);
    expect(await total(metrics, 'requests_total')).toBe(MAX_TEAMS + 5);
  });

  it('stop at a number of sets, and the sums stay right', async () => {
    const perTeam = 10;
    const everyModel = newMetrics({ isKnownModel: () => true });
    for (let team = 0; team < 500; team++) {
      for (let model = 0; model < perTeam; model++) {
        everyModel.recordCall(streamedCall({ team: `t${team}`, response_model: `m${model}` }), NO_TIMING);
      }
    }
    expect(Object.keys(await samples(everyModel, 'input_tokens_total')).length).toBeLessThan(3100);
    expect(await total(everyModel, 'input_tokens_total')).toBe(500 * perTeam * 1200);
  });

  it('name the key only where that is wanted', async () => {
    const byKey = newMetrics({ labelApiKey: true });
    for (const each of [metrics, byKey]) each.recordCall(streamedCall(), NO_TIMING);
    expect((await metrics.text()).body).not.toContain('key_id');
    const expected = 'team="research",upstream="openai",model="gpt-5-mini-2026-02-01",key_id="ci"';
    expect(await samples(byKey, 'output_tokens_total')).toEqual({ [expected]: 300 });
  });

  it('never say the run, the user, the agent or the id of a call', async () => {
    metrics.recordCall(streamedCall({ run_id: 'RUN', user: 'USER', agent: 'AGENT', id: 'CALL' }), NO_TIMING);
    expect((await metrics.text()).body).not.toMatch(/RUN|USER|AGENT|CALL/);
  });
});

describe('times', () => {
  it('of a completed stream are all observed', async () => {
    metrics.recordCall(streamedCall(), { overheadSeconds: 0.0004, timeToFirstTokenSeconds: 0.31 });
    expect(await total(metrics, 'request_duration_seconds_sum')).toBe(2.15);
    expect(await total(metrics, 'time_to_first_token_seconds_sum')).toBe(0.31);
    expect(await total(metrics, 'time_per_output_token_seconds_sum')).toBeCloseTo((2.15 - 0.31) / 299, 12);
    expect(await total(metrics, 'overhead_seconds_sum')).toBe(0.0004);
  });

  it('to the first token are those of streams only', async () => {
    metrics.recordCall(streamedCall({ stream: false }), { overheadSeconds: null, timeToFirstTokenSeconds: 0.31 });
    expect(await total(metrics, 'time_to_first_token_seconds_count')).toBe(0);
    expect(await total(metrics, 'overhead_seconds_count')).toBe(0);
  });

  it.each([
    streamedCall({ ending: 'upstream_cut' }),
    streamedCall({ usage_source: 'estimated' }),
    streamedCall({ usage: makeUsage({ output_tokens: 1 }) }),
    streamedCall({ usage: null, usage_source: 'missing' }),
  ])('per token need a completed stream with reported usage of two tokens or more', async (record) => {
    metrics.recordCall(record, { overheadSeconds: null, timeToFirstTokenSeconds: 0.31 });
    expect(await total(metrics, 'time_per_output_token_seconds_count')).toBe(0);
  });

  it('of an interrupted call are not known', async () => {
    metrics.recordCall(streamedCall({ ending: 'interrupted', status: null }), NO_TIMING);
    expect(await total(metrics, 'request_duration_seconds_count')).toBe(0);
  });
});

describe('what is no record', () => {
  it('free requests are counted by endpoint, upstream and status', async () => {
    metrics.recordFree('models/{id}', 'openai', '4xx');
    expect(await samples(metrics, 'free_requests_total')).toEqual({
      'endpoint="models/{id}",upstream="openai",status_class="4xx"': 1,
    });
  });

  it('refusals are counted by code, from zero on', async () => {
    metrics.refused('invalid_api_key');
    const counted = await samples(metrics, 'refused_total');
    expect(counted['code="invalid_api_key"']).toBe(1);
    expect(counted['code="budget_exceeded"']).toBe(0);
  });

  it('open calls go up and down', async () => {
    metrics.callStarted();
    metrics.callStarted();
    metrics.callEnded();
    expect(await total(metrics, 'in_flight_requests')).toBe(1);
  });

  it('the journal is read at each scrape', async () => {
    let queueLength = 3;
    metrics.watchJournal(() => ({ queueLength, isUnavailable: queueLength > 3 }));
    expect(await total(metrics, 'journal_queue_length')).toBe(3);
    expect(await total(metrics, 'journal_unavailable')).toBe(0);
    queueLength = 4;
    expect(await total(metrics, 'journal_queue_length')).toBe(4);
    expect(await total(metrics, 'journal_unavailable')).toBe(1);
  });

  it('commits and their records are counted', async () => {
    metrics.journalCommitted(40);
    metrics.journalCommitted(2);
    metrics.journalWaited(0.003);
    expect(await total(metrics, 'journal_commits_total')).toBe(2);
    expect(await total(metrics, 'journal_records_total')).toBe(42);
    expect(await total(metrics, 'journal_commit_wait_seconds_sum')).toBe(0.003);
  });

  it('rows that the books refused are counted, and there are none at the beginning', async () => {
    expect(await total(metrics, 'journal_refused_rows_total')).toBe(0);
    metrics.journalRefused(3);
    expect(await total(metrics, 'journal_refused_rows_total')).toBe(3);
  });

  it('a refused configuration keeps the time of the one in force', async () => {
    metrics.configLoaded('loaded', 1_700_000_000_000);
    metrics.configLoaded('refused', 1_700_000_100_000);
    expect(await total(metrics, 'config_last_reload_successful')).toBe(0);
    expect(await total(metrics, 'config_last_reload_success_timestamp_seconds')).toBe(1_700_000_000);
  });

  it('the build says what runs', async () => {
    expect(await samples(metrics, 'build_info')).toEqual({ 'version="1.2.3",node_version="24.0.0"': 1 });
  });
});

it('gives the content type of the Prometheus text format', async () => {
  expect((await metrics.text()).contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
});

it('keeps two proxies of one process apart', async () => {
  newMetrics().recordCall(streamedCall(), NO_TIMING);
  expect(await samples(metrics, 'requests_total')).toEqual({});
});

it('collects the metrics of the process under their usual names', async () => {
  const { body } = await newMetrics({ collectProcess: true }).text();
  expect(body).toContain('\nprocess_cpu_seconds_total ');
  expect(body).toContain('\nnodejs_eventloop_lag_seconds ');
});
