import type { IncomingHttpHeaders } from 'node:http';
import type { CarriedIds } from './attribution.ts';
import { type AttributionSources, CallSources } from './call-sources.ts';
import { ownTags, tagsOf } from './call-tags.ts';
import { CARRIERS, OWN_ID_CARRIERS } from './carrier-table.ts';
import { checkedPathRunId, firstUsable, ownHeader } from './carrier-values.ts';
import { headerText } from './header-text.ts';
import { traceIdOf } from './trace-parent.ts';

/**
 * Request headers that are meant for a gateway and therefore end here (contract.md, "Attribution"; wire.md 4.3, 4.5):
 * our own, and those of other gateways, which carry credentials, tags and people's names.
 *
 * `baggage` ends here too: it carries whatever an application has put into it, personal data included, and no upstream
 * needs it. Ids that a client sends to its own vendor (`session-id`, `x-session-id`, `x-session-affinity`, `x-codex-*`,
 * `x-claude-code-*`, `x-dynamo-*`) are read and go on: upstreams route and cache by them.
 * `traceparent` and `tracestate` are a setting of the server.
 */
const CONSUMED_NAMES: ReadonlySet<string> = new Set(['x-run-id', 'x-parent-run-id', 'baggage']);

const CONSUMED_PREFIXES = ['x-metertap-', 'x-litellm-', 'x-portkey-', 'x-tfy-', 'helicone-', 'cf-aig-'] as const;

const readRunId = firstUsable(CARRIERS.runId);
const readParentRunId = firstUsable(CARRIERS.parentRunId);
const readSessionId = firstUsable(CARRIERS.sessionId);
const readAgent = firstUsable(CARRIERS.agent);
const readUser = firstUsable(CARRIERS.user);

/**
 * Reads the ids that a call carries. Values never leave this function unchecked: every id is usable (`isUsableId`),
 * tags are within their bounds.
 *
 * @throws MetertapError `invalid_attribution` for a bad value in `x-metertap-*` or in the path
 */
export function attribute(sources: AttributionSources): CarriedIds {
  const call = new CallSources(sources);
  return {
    runId: readRunId(call),
    parentRunId: readParentRunId(call),
    sessionId: readSessionId(call),
    agent: readAgent(call),
    user: readUser(call),
    traceId: traceIdOf(headerText(call.headers, 'traceparent') ?? ''),
    tags: tagsOf(call.headers),
  };
}

/**
 * Refuses bad values of our own carriers, and does nothing else: for the time before the body is read.
 *
 * @param pathRunId percent-decoded; null on the plain base URL
 * @throws MetertapError `invalid_attribution`
 */
export function checkOwnHeaders(headers: IncomingHttpHeaders, pathRunId: string | null): void {
  for (const { name, repeats } of OWN_ID_CARRIERS) ownHeader(headers, name, repeats);
  checkedPathRunId(pathRunId);
  ownTags(headers);
}

/**
 * Tells whether a request header is never forwarded. Asked for every header of every call.
 *
 * @param name in lower case
 */
export function isConsumedHeader(name: string): boolean {
  if (CONSUMED_NAMES.has(name)) return true;
  for (const prefix of CONSUMED_PREFIXES) {
    if (name.startsWith(prefix)) return true;
  }
  return false;
}
