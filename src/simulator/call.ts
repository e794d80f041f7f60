import type { IncomingHttpHeaders } from 'node:http';
import type { BoundedStore } from './bounded-store.ts';
import type { Dialect } from './dialects.ts';
import type { ModelCatalog } from './model-catalog.ts';
import type { ResponseRun } from './response-run.ts';
import type { Steering } from './steering.ts';

/** What a simulator keeps between requests. */
export interface SimulatorState {
  readonly models: ModelCatalog;
  readonly responses: BoundedStore<ResponseRun>;
  /** JSON texts of stored chat completions, by id. */
  readonly completions: BoundedStore<string>;
  /** Gives the next id suffix: a counter, `sim000000000001`. */
  readonly nextSuffix: () => string;
}

/** One request, read. */
export interface Call {
  readonly headers: IncomingHttpHeaders;
  readonly query: URLSearchParams;
  readonly body: Buffer;
  readonly steering: Steering;
  readonly dialect: Dialect;
  readonly state: SimulatorState;
  /** The id in the path; empty where the route has none. */
  readonly id: string;
}

/** The suffix of the ids of one answer: `x-sim-id`, else the next of the counter. */
export function idSuffix(call: Call): string {
  return call.steering.id ?? call.state.nextSuffix();
}

/** Resolves a model for this call (see ModelCatalog.resolve). */
export function resolveModel(call: Call, model: string): string {
  return call.state.models.resolve(model, call.steering.anyModel);
}
