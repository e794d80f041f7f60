import { anything, dictionary, flag, list, maybe, number, object, type Shaped, text } from './shape.ts';

/** The answers of the management API, as docs/management-api.md tells them, as far as the page shows them. */

export const meAnswer = object({
  kind: text,
  team: maybe(text),
  key_id: maybe(text),
  read_only: flag,
  auth_mode: text,
  signed_in_until: maybe(text),
});
export type Me = Shaped<typeof meAnswer>;

const notCounted = object({ missing_usage: number, estimated: number, failed: number, client_retries: number });
export type NotCounted = Shaped<typeof notCounted>;

const usageResult = object({
  team: maybe(text),
  key_id: maybe(text),
  upstream: maybe(text),
  endpoint: maybe(text),
  model: maybe(text),
  agent: maybe(text),
  session_id: maybe(text),
  run_id: maybe(text),
  requests: number,
  input_tokens: number,
  cache_read_tokens: number,
  cache_write_tokens: number,
  output_tokens: number,
  reasoning_tokens: number,
  total_tokens: number,
  tool_calls: number,
  cost_usd: text,
  cost_complete: flag,
  unpriced: number,
  corrections_usd: text,
  not_counted: notCounted,
});
export type UsageResult = Shaped<typeof usageResult>;

const usageBucket = object({ start_time: text, end_time: text, results: list(usageResult) });
export type UsageBucket = Shaped<typeof usageBucket>;
export const usageAnswer = object({ data: list(usageBucket), next_cursor: maybe(text) });

const usageBlock = object({
  requests: number,
  tool_calls: number,
  input_tokens: number,
  output_tokens: number,
  total_tokens: number,
  cache_read_tokens: number,
  cache_write_tokens: number,
  output_tokens_details: object({ reasoning_tokens: number }),
});
export type UsageBlock = Shaped<typeof usageBlock>;

const part = {
  requests: number,
  input_tokens: number,
  cache_read_tokens: number,
  output_tokens: number,
  total_tokens: number,
  tool_calls: number,
  cost_usd: text,
};
const modelPart = object({ model: maybe(text), ...part });
const agentPart = object({ agent: maybe(text), ...part });

const activity = {
  started_at: text,
  last_activity_at: text,
  in_flight: number,
  usage: usageBlock,
  cost_usd: text,
  cost_complete: flag,
  by_model: list(modelPart),
  by_agent: list(agentPart),
  not_counted: notCounted,
};

const runMembers = {
  run_id: text,
  team: text,
  parent_run_id: maybe(text),
  session_id: maybe(text),
  labels: dictionary(text),
  children: list(text),
  limits: list(anything),
  ...activity,
};
export const runAnswer = object(runMembers);
export type Run = Shaped<typeof runAnswer>;
export const runsAnswer = object({ data: list(runAnswer), next_cursor: maybe(text) });

/** A run below another, with those below it. */
export interface RunBranch extends Run {
  readonly children_tree: readonly RunBranch[];
}
const runBranch = (value: unknown, at: string): RunBranch => ({
  ...runAnswer(value, at),
  children_tree: object({ children_tree: list(runBranch) })(value, at).children_tree,
});

const runTreeMembers = object({
  ...runMembers,
  children_truncated: flag,
  usage_with_children: usageBlock,
  cost_usd_with_children: text,
  cost_complete_with_children: flag,
});
export type RunTree = Shaped<typeof runTreeMembers> & Pick<RunBranch, 'children_tree'>;
export const runTreeAnswer = (value: unknown, at: string): RunTree => ({
  ...runTreeMembers(value, at),
  children_tree: object({ children_tree: list(runBranch) })(value, at).children_tree,
});

const withoutRun = object(activity);
export const sessionAnswer = object({
  session_id: text,
  team: text,
  ...activity,
  runs: list(runAnswer),
  runs_truncated: flag,
  without_run: maybe(withoutRun),
});

const counts = object({
  input_tokens: number,
  cache_read_tokens: number,
  cache_write_tokens: number,
  output_tokens: number,
  reasoning_tokens: number,
  total_tokens: number,
  tool_calls: number,
});

export const recordAnswer = object({
  id: text,
  started_at: text,
  ended_at: maybe(text),
  duration_ms: maybe(number),
  ttft_ms: maybe(number),
  team: text,
  key_id: text,
  run_id: maybe(text),
  session_id: maybe(text),
  agent: maybe(text),
  user: maybe(text),
  upstream: text,
  endpoint: text,
  stream: flag,
  request_model: maybe(text),
  response_model: maybe(text),
  status: maybe(number),
  ending: text,
  error_code: maybe(text),
  client_retry: number,
  usage_source: text,
  usage: maybe(counts),
  cost_usd: maybe(text),
});
export type CallRecord = Shaped<typeof recordAnswer>;
export const recordsAnswer = object({ data: list(recordAnswer), next_cursor: maybe(text) });
export const wholeRecord = dictionary(anything);

export const statusAnswer = object({
  status: text,
  reasons: list(object({ code: text, message: text })),
  version: text,
  node_version: text,
  started_at: text,
  now: text,
  auth_mode: text,
  open_calls: maybe(number),
  journal: maybe(object({ state: text, waiting_records: number })),
  upstreams: maybe(list(object({ name: text, origin: text, models: list(text) }))),
  configuration: maybe(object({ loaded_at: text, last_load: text })),
});
export type Status = Shaped<typeof statusAnswer>;

const teamAnswer = object({ id: text, name: maybe(text), source: text, limits: list(anything) });
export type Team = Shaped<typeof teamAnswer>;
export const teamsAnswer = object({ data: list(teamAnswer), next_cursor: maybe(text) });

const keyMembers = {
  id: text,
  team: text,
  source: text,
  status: text,
  name: maybe(text),
  models: maybe(list(text)),
  scopes: maybe(list(text)),
  limits: list(anything),
  expires_at: maybe(text),
  last_used_at: maybe(text),
  redacted_value: maybe(text),
};
export const keyAnswer = object(keyMembers);
export type Key = Shaped<typeof keyAnswer>;
export const keysAnswer = object({ data: list(keyAnswer), next_cursor: maybe(text) });
export const newKeyAnswer = object({ ...keyMembers, secret: text });
export type NewKey = Shaped<typeof newKeyAnswer>;

const amount = (value: unknown, at: string): string | number => (typeof value === 'number' ? value : text(value, at));
const limitAnswer = object({
  rule: text,
  scope: text,
  team: text,
  key_id: maybe(text),
  run_id: maybe(text),
  session_id: maybe(text),
  user: maybe(text),
  model: maybe(text),
  measure: text,
  limit: amount,
  used: amount,
  held: amount,
  remaining: amount,
  resets_at: maybe(text),
});
export type Limit = Shaped<typeof limitAnswer>;
export const limitsAnswer = object({ data: list(limitAnswer), next_cursor: maybe(text) });

const statementEntry = object({
  team: text,
  period: text,
  state: text,
  opening_balance_usd: text,
  total_usd: text,
  closing_balance_usd: text,
  closed_at: maybe(text),
  closed_by: maybe(text),
});
export type StatementEntry = Shaped<typeof statementEntry>;
export const statementsAnswer = object({ data: list(statementEntry), next_cursor: maybe(text) });

const auditEntry = object({ id: number, at: text, actor: text, action: text, target_id: text, team: maybe(text) });
export const auditAnswer = object({ data: list(auditEntry), next_cursor: maybe(text) });
