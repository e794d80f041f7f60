import type { IncomingHttpHeaders } from 'node:http';
import type { BodyCarriers, CarriedIds } from './attribution.ts';
import { ownTags, tagsOf } from './call-tags.ts';
import { CARRIERS, OWN_ID_CARRIERS } from './carrier-table.ts';
import { checkedPathRunId, type HeadId, IdFinder, ownHeader } from './carrier-values.ts';
import { HeadSources } from './head-sources.ts';
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

const runIds = new IdFinder(CARRIERS.runId);
const parentRunIds = new IdFinder(CARRIERS.parentRunId);
const sessionIds = new IdFinder(CARRIERS.sessionId);
const agents = new IdFinder(CARRIERS.agent);
const users = new IdFinder(CARRIERS.user);

/** What the head of a call says of its ids. */
export interface HeadIds {
  readonly runId: HeadId | null;
  readonly parentRunId: HeadId | null;
  readonly sessionId: HeadId | null;
  readonly agent: HeadId | null;
  readonly user: HeadId | null;
  readonly traceId: string | null;
  readonly tags: Readonly<Record<string, string>>;
}

/**
 * Reads the ids that the head of a call carries: for the time before the body is read. Bad values of our own carriers are
 * refused, also of those that another one comes before.
 *
 * @param pathRunId percent-decoded; null on the plain base URL
 * @throws MetertapError `invalid_attribution` for a bad value in `x-metertap-*` or in the path
 */
export function readHeadIds(headers: IncomingHttpHeaders, pathRunId: string | null): HeadIds {
  checkOwn(headers, pathRunId);
  const head = new HeadSources(headers, pathRunId);
  return {
    runId: runIds.inHead(head),
    parentRunId: parentRunIds.inHead(head),
    sessionId: sessionIds.inHead(head),
    agent: agents.inHead(head),
    user: users.inHead(head),
    traceId: traceIdOf(headerText(headers, 'traceparent') ?? ''),
    tags: tagsOf(headers),
  };
}

function checkOwn(headers: IncomingHttpHeaders, pathRunId: string | null): void {
  for (const { name, repeats } of OWN_ID_CARRIERS) ownHeader(headers, name, repeats);
  checkedPathRunId(pathRunId);
  ownTags(headers);
}

/**
 * The ids that a call carries in its head and body. None of them is unchecked: every id is usable (`isUsableId`), tags
 * are within their bounds.
 *
 * @param body null where it is no JSON object
 */
export function attribute(head: HeadIds, body: BodyCarriers | null): CarriedIds {
  return {
    runId: runIds.withBody(head.runId, body),
    parentRunId: parentRunIds.withBody(head.parentRunId, body),
    sessionId: sessionIds.withBody(head.sessionId, body),
    agent: agents.withBody(head.agent, body),
    user: users.withBody(head.user, body),
    traceId: head.traceId,
    tags: head.tags,
  };
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
