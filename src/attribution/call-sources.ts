import type { IncomingHttpHeaders } from 'node:http';
import type { BodyCarriers } from './attribution.ts';
import { parseBaggage } from './baggage.ts';
import { hasForeignHeaders } from './carrier-table.ts';
import { headerText } from './header-text.ts';
import { type JsonObject, parseJsonHeader } from './json-object.ts';

/** Where the ids of a call may stand. */
export interface AttributionSources {
  readonly headers: IncomingHttpHeaders;
  /** The `{run_id}` of `/run/{run_id}/v1`, percent-decoded; null on the plain base URL. */
  readonly pathRunId: string | null;
  /** Null where the body is no JSON object, or has not been read. */
  readonly body: BodyCarriers | null;
}

/** The sources of one call, with what must be parsed parsed once and only when asked for. */
export class CallSources {
  readonly headers: IncomingHttpHeaders;
  readonly pathRunId: string | null;
  readonly body: BodyCarriers | null;
  /** Whether any of the headers is a carrier of an id and not ours. */
  readonly hasForeignHeaders: boolean;
  #baggage: ReadonlyMap<string, string> | null = null;
  #jsonHeaders: Map<string, JsonObject | null> | null = null;

  constructor(sources: AttributionSources) {
    this.headers = sources.headers;
    this.pathRunId = sources.pathRunId;
    this.body = sources.body;
    this.hasForeignHeaders = hasForeignHeaders(sources.headers);
  }

  /** A value of the `baggage` header, still percent-encoded. */
  baggage(key: string): string | null {
    if (this.headers['baggage'] === undefined) return null;
    this.#baggage ??= parseBaggage(headerText(this.headers, 'baggage') ?? '');
    return this.#baggage.get(key) ?? null;
  }

  /** The JSON object of a header; null where it is absent or no JSON object. */
  jsonHeader(name: string): JsonObject | null {
    if (this.headers[name] === undefined) return null;
    this.#jsonHeaders ??= new Map();
    let object = this.#jsonHeaders.get(name);
    if (object === undefined) {
      object = parseJsonHeader(headerText(this.headers, name) ?? '');
      this.#jsonHeaders.set(name, object);
    }
    return object;
  }
}
