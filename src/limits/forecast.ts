import { RecentCache } from '../core/recent-cache.ts';
import type { ActualUse, PlannedCall } from './reservation.ts';

/** What is reserved for a call. */
export interface Forecast {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costNanoUsd: number;
}

/** Endpoints whose answers have no output tokens. */
const WITHOUT_OUTPUT: ReadonlySet<string> = new Set(['embeddings', 'audio/speech']);
const REMEMBERED_MODELS = 1_000;
/** By which part of the way a learned ceiling falls towards a call that needed less. */
const FALL = 1 / 16;

/**
 * Foresees how much a call may use at most. Where the request names no ceiling for its output, the ceiling is learned
 * for each upstream, endpoint and model: it rises at once to the largest output that was seen, and falls by a sixteenth
 * of the distance with each call that needed less. Before the first call it is `limits.assumed_output_tokens`.
 */
export class Forecaster {
  readonly #learned = new RecentCache<string, number>(REMEMBERED_MODELS);
  readonly #assumedOutputTokens: () => number;
  /** What the last call's ceiling is learned under: most often the next one's too, and a new text is hashed anew. */
  #name = { upstream: '', endpoint: '', model: '', text: '\n\n' };

  constructor(assumedOutputTokens: () => number) {
    this.#assumedOutputTokens = assumedOutputTokens;
  }

  foresee(call: PlannedCall): Forecast {
    const inputTokens = Math.max(1, call.size.inputTokens());
    const outputTokens = this.#outputOf(call);
    return { inputTokens, outputTokens, costNanoUsd: call.size.costNanoUsd(inputTokens, outputTokens) ?? 0 };
  }

  /** Takes in what a call has used in the end. */
  learn(call: PlannedCall, actual: ActualUse): void {
    if (actual.requests === 0) return;
    const name = this.#nameOf(call);
    const known = this.#learned.get(name) ?? 0;
    this.#learned.set(name, Math.ceil(Math.max(actual.outputTokens, known - (known - actual.outputTokens) * FALL)));
  }

  #outputOf(call: PlannedCall): number {
    if (WITHOUT_OUTPUT.has(call.endpoint)) return 0;
    return call.size.outputCeiling ?? this.#learned.get(this.#nameOf(call)) ?? this.#assumedOutputTokens();
  }

  #nameOf(call: PlannedCall): string {
    const { upstream, endpoint } = call;
    const model = call.model ?? '';
    const last = this.#name;
    if (last.model === model && last.endpoint === endpoint && last.upstream === upstream) return last.text;
    const text = `${upstream}\n${endpoint}\n${model}`;
    this.#name = { upstream, endpoint, model, text };
    return text;
  }
}
