import type { AnswerPlan, PlannedCall } from './answer-plan.ts';
import type { Dialect } from './dialects.ts';
import { CREATED, callId } from './identity.ts';
import type { JsonObject } from './json-value.ts';
import type { Counts } from './usage.ts';

export type ResponseEnd = 'completed' | 'incomplete' | 'failed' | 'cancelled';
export type ResponseStatus = ResponseEnd | 'queued' | 'in_progress';

/** One response of the Responses API: all that its JSON and its events are made of, whenever they are asked for. */
export interface ResponseRun {
  readonly suffix: string;
  readonly model: string;
  readonly plan: AnswerPlan;
  readonly counts: Counts;
  readonly dialect: Dialect;
  readonly background: boolean;
  /** Members of the request that the response repeats. */
  readonly echo: JsonObject;
  /** Call ids and function names of this response and those before it. */
  readonly calls: ReadonlyMap<string, string>;
  readonly noUsage: boolean;
  readonly obfuscation: boolean;
  /** Retrieves after which a background response has ended. */
  readonly polls: number;
  /** How it ends; a cancel changes it. */
  end: ResponseEnd;
  status: ResponseStatus;
  retrieves: number;
}

/** Gives the response object as it stands, `usage` null until it has ended. */
export function responseObject(run: ResponseRun, status: ResponseStatus = run.status): JsonObject {
  const ended = status === 'completed' || status === 'incomplete';
  return {
    id: `resp_${run.suffix}`,
    object: 'response',
    created_at: CREATED,
    status,
    background: run.background,
    completed_at: status === 'completed' ? CREATED : null,
    error: status === 'failed' ? FAILURE : null,
    incomplete_details: status === 'incomplete' ? { reason: 'max_output_tokens' } : null,
    model: run.model,
    output: ended ? outputItems(run, status) : [],
    ...run.echo,
    service_tier: 'default',
    usage: ended && !run.noUsage ? run.dialect.responsesUsage(run.counts) : null,
    user: null,
  };
}

export const FAILURE = { code: 'server_error', message: 'The model failed to generate a response.' } as const;

/** The output items of an ended response. A reasoning item comes first where there are reasoning tokens. */
export function outputItems(run: ResponseRun, status: 'completed' | 'incomplete' = 'completed'): JsonObject[] {
  const items = run.counts.reasoning > 0 ? [reasoningItem(run)] : [];
  if (run.plan.kind === 'calls') {
    return [...items, ...run.plan.calls.map((call, position) => functionCallItem(run, call, position))];
  }
  const part = textPart(run.plan.pieces.join(''));
  return [...items, { ...messageItem(run), status, content: [part] }];
}

export function reasoningItem(run: ResponseRun): JsonObject {
  return { id: `rs_${run.suffix}`, type: 'reasoning', summary: [] };
}

export function messageItem(run: ResponseRun): JsonObject {
  return { id: `msg_${run.suffix}`, type: 'message', status: 'in_progress', content: [], role: 'assistant' };
}

export function functionCallItem(run: ResponseRun, call: PlannedCall, position: number): JsonObject {
  return {
    id: functionItemId(run, position),
    type: 'function_call',
    status: 'completed',
    arguments: call.pieces.join(''),
    call_id: callId(run.suffix, position),
    name: call.name,
  };
}

export function functionItemId(run: ResponseRun, position: number): string {
  return `fc_${run.suffix}_${position}`;
}

export function textPart(text: string): JsonObject {
  return { type: 'output_text', annotations: [], logprobs: [], text };
}
