import type { ActualUse, PlannedCall } from '../../src/limits/reservation.ts';

export const CALL_AT_MS = Date.UTC(2026, 10, 22, 15);

export interface PlannedCallGiven {
  readonly id?: string;
  readonly team?: string;
  readonly keyId?: string;
  readonly runId?: string | null;
  readonly parentRunId?: string | null;
  readonly sessionId?: string | null;
  readonly user?: string | null;
  readonly model?: string | null;
  readonly outputCeiling?: number | null;
  readonly inputTokens?: number;
  readonly runLimits?: string | null;
  readonly startedAtMs?: number;
  readonly background?: boolean;
  readonly endpoint?: string;
}

/** A call of team `research` that costs a micro-dollar a token. */
export function plannedCall(given: PlannedCallGiven = {}): PlannedCall {
  return {
    id: given.id ?? 'call',
    startedAtMs: given.startedAtMs ?? CALL_AT_MS,
    caller: {
      keyId: given.keyId ?? 'ci',
      team: given.team ?? 'research',
      labels: {},
      permissions: { scopes: ['inference'], models: null, endpoints: null },
      settings: { usageEvent: null, clientLeaves: null, unpricedModels: null, requestsPerMinute: null },
    },
    ids: {
      runId: given.runId ?? null,
      parentRunId: given.parentRunId ?? null,
      sessionId: given.sessionId ?? null,
      agent: null,
      user: given.user ?? null,
      traceId: null,
      tags: {},
    },
    endpoint: given.endpoint ?? 'chat/completions',
    upstream: 'openai',
    model: given.model === undefined ? 'gpt-5-mini' : given.model,
    size: {
      inputTokens: () => given.inputTokens ?? 10,
      outputCeiling: given.outputCeiling === undefined ? 20 : given.outputCeiling,
      costNanoUsd: (input, output) => (input + output) * 1_000,
    },
    background: given.background ?? false,
    runLimits: given.runLimits ?? null,
  };
}

export function used(input: number, output: number, more: Partial<ActualUse> = {}): ActualUse {
  return {
    requests: 1,
    inputTokens: input,
    outputTokens: output,
    toolCalls: 0,
    costNanoUsd: (input + output) * 1_000,
    ...more,
  };
}
