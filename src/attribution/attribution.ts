import type { Permissions } from './permissions.ts';

/** Who makes a call: the owner of the credential that came with it. */
export interface Caller {
  readonly keyId: string;
  readonly team: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly settings: CallerSettings;
  readonly permissions: Permissions;
}

/** What may be set for one key. Null: the general setting holds. */
export interface CallerSettings {
  /** Whether an injected usage event is hidden from a client that did not ask for it. */
  readonly usageEvent: 'hide' | 'pass' | null;
  /** What happens to the upstream's answer when the client has left. */
  readonly clientLeaves: 'drain' | 'abort' | null;
  /** Whether a model without a price may be called. */
  readonly unpricedModels: 'allow' | 'refuse' | null;
  readonly requestsPerMinute: number | null;
}

/** The ids that a call carries beside its caller (contract.md, "Attribution"). */
export interface CarriedIds {
  readonly runId: string | null;
  readonly parentRunId: string | null;
  readonly sessionId: string | null;
  readonly agent: string | null;
  readonly user: string | null;
  readonly traceId: string | null;
  readonly tags: Readonly<Record<string, string>>;
}

/** The members of a request body that may name a run, session or user. Never anything of the prompt. */
export interface BodyCarriers {
  readonly metadata: Readonly<Record<string, unknown>> | null;
  readonly promptCacheKey: string | null;
  /** `conversation`, as a string or as the `id` of an object. */
  readonly conversationId: string | null;
  readonly previousResponseId: string | null;
  /** `user` or `safety_identifier`. */
  readonly endUser: string | null;
  /** `litellm_session_id`, `session_id` of the body, as some gateways' clients send it. */
  readonly sessionId: string | null;
}
