import type { BodyCarriers } from './attribution.ts';
import { idMember } from './json-object.ts';

/**
 * Where the ids of a call may stand, and which of them wins: one table, read by `firstUsable`.
 *
 * A carrier is taken if it holds a usable id; else the next is asked. Only our own carriers (`own_header`, `path`)
 * refuse a bad value, because whoever sends them means us; a client must not be refused for a header that it sends to
 * somebody else.
 */
export type Carrier =
  | { readonly place: 'own_header'; readonly name: string; readonly repeats: 'refused' | 'unseen' }
  | { readonly place: 'path'; readonly name: 'run_id' }
  | { readonly place: 'header'; readonly name: string }
  | { readonly place: 'header_pattern'; readonly name: RegExp }
  | { readonly place: 'json_header'; readonly name: string; readonly member: string }
  | { readonly place: 'baggage'; readonly name: string; readonly plus: 'literal' | 'space' }
  | {
      readonly place: 'body';
      readonly name: string;
      readonly read: (body: BodyCarriers) => string | null;
    };

const ownId = (name: string): Carrier => ({ place: 'own_header', name, repeats: 'refused' });
/** For names of people and agents: "Doe, Jane" is one value, and looks like a header that came twice. */
const ownName = (name: string): Carrier => ({ place: 'own_header', name, repeats: 'unseen' });
const header = (name: string): Carrier => ({ place: 'header', name });
const jsonHeader = (name: string, member: string): Carrier => ({ place: 'json_header', name, member });
const baggage = (name: string): Carrier => ({ place: 'baggage', name, plus: 'literal' });
const metadata = (member: string): Carrier => ({
  place: 'body',
  name: `metadata.${member}`,
  read: (body) => idMember(body.metadata, member),
});
const promptCacheKey = (pattern: RegExp): Carrier => ({
  place: 'body',
  name: 'prompt_cache_key',
  read: ({ promptCacheKey: key }) => (key !== null && pattern.test(key) ? key : null),
});
const bodySession: Carrier = { place: 'body', name: 'session_id', read: (body) => body.sessionId };

/** `x-<vendor>-session-id`, but neither ours nor one that names the parent's session (wire.md 4.5). */
const vendorSession = {
  place: 'header_pattern',
  name: /^x-(?!metertap-|(?:[a-z0-9-]+-)?parent-session-id$)[a-z0-9-]+-session-id$/,
} as const satisfies Carrier;

/**
 * The carriers of each id in order of precedence (contract.md, "Attribution"; wire.md 4.3 and 4.5). Headers that name
 * a session also serve as run ids where nothing better is there. After the last run carrier comes the run of
 * `previous_response_id`, which only the ledger knows; the caller adds it.
 */
export const CARRIERS = {
  runId: [
    ownId('x-metertap-run-id'),
    { place: 'path', name: 'run_id' },
    header('x-run-id'),
    metadata('run_id'),
    metadata('metertap_run_id'),
    baggage('gen_ai.agent.call.id'),
    header('x-litellm-session-id'),
    header('x-litellm-trace-id'),
    header('helicone-session-id'),
    header('x-portkey-trace-id'),
    jsonHeader('cf-aig-metadata', 'run_id'),
    jsonHeader('cf-aig-metadata', 'session_id'),
    jsonHeader('x-portkey-metadata', 'run_id'),
    jsonHeader('x-portkey-metadata', 'session_id'),
    jsonHeader('x-litellm-spend-logs-metadata', 'run_id'),
    jsonHeader('x-litellm-spend-logs-metadata', 'session_id'),
    jsonHeader('x-tfy-metadata', 'run_id'),
    jsonHeader('x-tfy-metadata', 'session_id'),
    header('x-session-id'),
    header('x-session-affinity'),
    vendorSession,
    header('session-id'),
    header('session_id'),
    header('thread-id'),
    header('thread_id'),
    jsonHeader('x-codex-turn-metadata', 'session_id'),
    jsonHeader('x-codex-turn-metadata', 'thread_id'),
    bodySession,
    metadata('session_id'),
    metadata('trace_id'),
    promptCacheKey(/^agents-sdk:(?:run|session|group|conversation):/),
  ],
  parentRunId: [
    ownId('x-metertap-parent-run-id'),
    header('x-parent-run-id'),
    header('x-parent-session-id'),
    header('x-dynamo-parent-session-id'),
    header('x-claude-code-parent-agent-id'),
    header('x-codex-parent-thread-id'),
    jsonHeader('x-codex-turn-metadata', 'parent_thread_id'),
  ],
  sessionId: [
    ownId('x-metertap-session-id'),
    header('x-litellm-session-id'),
    header('helicone-session-id'),
    jsonHeader('cf-aig-metadata', 'session_id'),
    jsonHeader('x-portkey-metadata', 'session_id'),
    jsonHeader('x-litellm-spend-logs-metadata', 'session_id'),
    jsonHeader('x-tfy-metadata', 'session_id'),
    header('x-session-id'),
    header('x-session-affinity'),
    vendorSession,
    header('session-id'),
    header('session_id'),
    header('thread-id'),
    header('thread_id'),
    jsonHeader('x-codex-turn-metadata', 'session_id'),
    jsonHeader('x-codex-turn-metadata', 'thread_id'),
    bodySession,
    metadata('session_id'),
    baggage('gen_ai.conversation.id'),
    { place: 'body', name: 'conversation', read: (body) => body.conversationId },
    promptCacheKey(/^agents-sdk:(?:session|group|conversation):/),
  ],
  agent: [
    ownName('x-metertap-agent'),
    // Pydantic AI sends it through OpenTelemetry for Python, which writes a space as `+` and a plus sign as `%2B`
    // (https://github.com/open-telemetry/opentelemetry-python/issues/5566).
    { place: 'baggage', name: 'gen_ai.agent.name', plus: 'space' },
    header('x-litellm-agent-id'),
    header('x-claude-code-agent-id'),
  ],
  user: [
    ownName('x-metertap-user'),
    header('helicone-user-id'),
    header('x-litellm-end-user-id'),
    header('x-litellm-customer-id'),
    jsonHeader('x-portkey-metadata', '_user'),
    { place: 'body', name: 'user', read: (body) => body.endUser },
  ],
} as const satisfies Record<string, readonly Carrier[]>;

const FOREIGN_HEADERS: ReadonlySet<string> = new Set(
  Object.values(CARRIERS).flatMap((carriers: readonly Carrier[]) =>
    carriers.flatMap((carrier) => {
      if (carrier.place === 'baggage') return ['baggage'];
      return carrier.place === 'header' || carrier.place === 'json_header' ? [carrier.name] : [];
    }),
  ),
);

/** Whether any carrier in headers that are not ours may be among these, whose names are in lower case. */
export function hasForeignHeaders(headers: Readonly<Record<string, unknown>>): boolean {
  for (const name in headers) {
    if (FOREIGN_HEADERS.has(name) || (name.endsWith('-session-id') && vendorSession.name.test(name))) return true;
  }
  return false;
}

/** The carriers of our own that stand in headers: those that are checked before the body is read. */
export const OWN_ID_CARRIERS = Object.values(CARRIERS).flatMap((carriers: readonly Carrier[]) =>
  carriers.filter((carrier) => carrier.place === 'own_header'),
);
