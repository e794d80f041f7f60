import { RecentCache } from '../core/recent-cache.ts';
import type { CallRecord } from '../ledger/record.ts';
import type { CallHistogram } from './call-histogram.ts';
import { CounterGroup } from './counter-group.ts';
import type { Instruments } from './instruments.ts';
import { BoundedLabel, MAX_KEYS, MAX_MODELS, MAX_TEAMS, OTHER, statusClassOf } from './label-bounds.ts';
import type { MissingReason } from './metric-table.ts';

const NO_LABELS: readonly string[] = [];
const NANO_PER_USD = 1_000_000_000;
/** Endpoints that the table does not know are paths as clients write them. */
const REMEMBERED_ENDPOINTS = 200;

/** What the record does not hold or holds in whole milliseconds only. Null: not known. */
export interface CallTiming {
  readonly overheadSeconds: number | null;
  readonly timeToFirstTokenSeconds: number | null;
}

export interface CallFoldOptions {
  readonly labelApiKey: boolean;
  readonly isKnownModel: (model: string) => boolean;
  readonly isMeteredEndpoint: (endpoint: string) => boolean;
}

/** Adds ended calls up: every number comes from the one record (design.md, "The way of a call"). */
export class CallFold {
  readonly #instruments: Instruments;
  readonly #options: CallFoldOptions;
  readonly #teams = new BoundedLabel(MAX_TEAMS);
  readonly #keys = new BoundedLabel(MAX_KEYS);
  readonly #models = new BoundedLabel(MAX_MODELS);
  readonly #metered = new RecentCache<string, boolean>(REMEMBERED_ENDPOINTS);
  readonly #requests: CounterGroup<'requests'>;
  readonly #reported: CounterGroup<'input' | 'output' | 'cacheRead' | 'cacheWrite' | 'reasoning'>;
  readonly #estimated: CounterGroup<'input' | 'output'>;
  readonly #cost: CounterGroup<'nanoUsd'>;
  readonly #estimatedCost: CounterGroup<'nanoUsd'>;
  readonly #durations: CallHistogram;
  readonly #overheads: CallHistogram;
  readonly #firstTokens: CallHistogram;
  readonly #perToken: CallHistogram;

  constructor(instruments: Instruments, options: CallFoldOptions) {
    this.#instruments = instruments;
    this.#options = options;
    this.#durations = instruments.histogram('request_duration_seconds');
    this.#overheads = instruments.histogram('overhead_seconds');
    this.#firstTokens = instruments.histogram('time_to_first_token_seconds');
    this.#perToken = instruments.histogram('time_per_output_token_seconds');
    const byModel = instruments.labelNames('input_tokens_total');
    this.#requests = new CounterGroup(instruments.labelNames('requests_total'), [
      ['requests', instruments.counter('requests_total')],
    ]);
    this.#reported = new CounterGroup(byModel, [
      ['input', instruments.counter('input_tokens_total')],
      ['output', instruments.counter('output_tokens_total')],
      ['cacheRead', instruments.counter('cache_read_tokens_total')],
      ['cacheWrite', instruments.counter('cache_write_tokens_total')],
      ['reasoning', instruments.counter('reasoning_tokens_total')],
    ]);
    this.#estimated = new CounterGroup(byModel, [
      ['input', instruments.counter('estimated_input_tokens_total')],
      ['output', instruments.counter('estimated_output_tokens_total')],
    ]);
    this.#cost = new CounterGroup(byModel, [['nanoUsd', instruments.counter('cost_usd_total')]], NANO_PER_USD);
    this.#estimatedCost = new CounterGroup(
      byModel,
      [['nanoUsd', instruments.counter('estimated_cost_usd_total')]],
      NANO_PER_USD,
    );
  }

  /** Counts a call that has ended. One that is in flight or queued has no end yet and is left for later. */
  add(record: CallRecord, timing: CallTiming): void {
    if (record.ending === 'in_flight' || record.ending === 'queued') return;
    const team = this.#teams.admit(record.team);
    const model = this.#modelLabel(record);
    const key = this.#options.labelApiKey ? [this.#keys.admit(record.key_id)] : [];
    const byModel = [team, record.upstream, model, ...key];

    const status = statusClassOf(record.status);
    this.#requests.sums([team, record.upstream, record.endpoint, model, status, ...key]).requests += 1;
    this.#addUsage(record, byModel);
    this.#addCost(record, byModel);
    this.#addTimes(record, timing, model);
  }

  /** Makes everything that was added visible to the registry. */
  flush(): void {
    for (const group of [this.#requests, this.#reported, this.#estimated, this.#cost, this.#estimatedCost]) {
      group.flush();
    }
  }

  #modelLabel(record: CallRecord): string {
    const { isKnownModel } = this.#options;
    for (const model of [record.response_model, record.request_model]) {
      if (model !== null && isKnownModel(model)) return model === '' ? OTHER : this.#models.admit(model);
    }
    return OTHER;
  }

  #addUsage(record: CallRecord, labels: readonly string[]): void {
    if (!this.#isMetered(record.endpoint)) {
      this.#instruments.counter('unmetered_requests_total').inc();
      return;
    }
    const { usage } = record;
    if (usage === null || record.usage_source === 'missing') {
      this.#instruments.counter('usage_missing_total').inc({ reason: missingReason(record) });
    } else if (record.usage_source === 'estimated') {
      this.#instruments.counter('usage_estimated_total').inc();
      const sums = this.#estimated.sums(labels);
      sums.input += usage.input_tokens;
      sums.output += usage.output_tokens;
    } else {
      const sums = this.#reported.sums(labels);
      sums.input += usage.input_tokens;
      sums.output += usage.output_tokens;
      sums.cacheRead += usage.cache_read_tokens;
      sums.cacheWrite += usage.cache_write_tokens;
      sums.reasoning += usage.reasoning_tokens;
    }
  }

  #isMetered(endpoint: string): boolean {
    const known = this.#metered.get(endpoint);
    if (known !== undefined) return known;
    const isMetered = this.#options.isMeteredEndpoint(endpoint);
    this.#metered.set(endpoint, isMetered);
    return isMetered;
  }

  #addCost(record: CallRecord, labels: readonly string[]): void {
    if (record.cost_nano_usd === null) {
      if (record.usage !== null) this.#instruments.counter('unpriced_requests_total').inc();
      return;
    }
    this.#cost.sums(labels).nanoUsd += record.cost_nano_usd;
    if (record.usage_source === 'estimated') this.#estimatedCost.sums(labels).nanoUsd += record.cost_nano_usd;
  }

  #addTimes(record: CallRecord, timing: CallTiming, model: string): void {
    const { upstream, endpoint } = record;
    const duration = record.duration_ms === null ? null : record.duration_ms / 1000;
    if (duration !== null && record.ending !== 'interrupted') {
      this.#durations.add([upstream, endpoint], duration);
    }
    if (timing.overheadSeconds !== null) this.#overheads.add(NO_LABELS, timing.overheadSeconds);
    const firstToken = timing.timeToFirstTokenSeconds;
    if (!record.stream || firstToken === null) return;
    this.#firstTokens.add([upstream, model], firstToken);
    const further = (record.usage?.output_tokens ?? 0) - 1;
    if (duration === null || further < 1 || record.ending !== 'completed' || record.usage_source !== 'reported') return;
    const perToken = Math.max(0, duration - firstToken) / further;
    this.#perToken.add([upstream, model], perToken);
  }
}

/** Why the call has no usage, from how it ended. */
function missingReason(record: CallRecord): MissingReason {
  if (record.ending === 'completed') return (record.status ?? 0) >= 400 ? 'upstream_error' : 'not_in_answer';
  if (record.ending === 'in_flight' || record.ending === 'queued') return 'not_in_answer';
  return record.ending;
}
