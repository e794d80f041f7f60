import type { IncomingHttpHeaders } from 'node:http';
import { parseBaggage } from './baggage.ts';
import { hasForeignHeaders } from './carrier-table.ts';
import { headerText } from './header-text.ts';
import { type JsonObject, parseJsonHeader } from './json-object.ts';

/** Where the ids of a call may stand in its head, with what must be parsed parsed once and only when asked for. */
export class HeadSources {
  readonly headers: IncomingHttpHeaders;
  readonly pathRunId: string | null;
  /** Whether any of the headers is a carrier of an id and not ours. */
  readonly hasForeignHeaders: boolean;
  #baggage: ReadonlyMap<string, string> | null = null;
  #jsonHeaders: Map<string, JsonObject | null> | null = null;

  /** @param pathRunId the `{run_id}` of `/run/{run_id}/v1`, percent-decoded; null on the plain base URL */
  constructor(headers: IncomingHttpHeaders, pathRunId: string | null) {
    this.headers = headers;
    this.pathRunId = pathRunId;
    this.hasForeignHeaders = hasForeignHeaders(headers);
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
