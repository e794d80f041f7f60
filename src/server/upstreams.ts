import { matchesModel } from '../pricing/model-pattern.ts';
import { AnswerTurns } from './answer-turns.ts';
import type { Carrier } from './carrier.ts';
import { RepeatedHeaders } from './repeated-headers.ts';
import { createUpstreamCarrier } from './upstream-carrier.ts';

/** How one upstream is reached and spoken to, as configured. */
export interface UpstreamSettings {
  readonly name: string;
  /** For example `https://api.openai.com/v1`, without a trailing slash. */
  readonly baseUrl: string;
  /** Replaces the client's credential in keys mode. */
  readonly apiKey: string | null;
  /** Model names or patterns with `*`. */
  readonly models: readonly string[];
  /** Whether streams are asked for their usage: `always`, `never`, or `auto` (wire.md 2.3). */
  readonly streamUsage: 'auto' | 'always' | 'never';
  /** Chat streams are asked for their usage with every event (wire.md 2.2: vLLM). */
  readonly continuousUsage: boolean;
  readonly connectMs: number;
  /** How long the answer's head may take; reasoning calls take minutes. 0: no limit. */
  readonly firstByteMs: number;
  /** How long the answer may pause between two pieces. 0: no limit. */
  readonly idleMs: number;
  readonly maxConnections: number | null;
  readonly forwardTraceHeaders: boolean;
  /** Headers added to every request. */
  readonly headers: Readonly<Record<string, string>>;
}

/** An upstream with its connections. */
export interface Upstream {
  readonly settings: UpstreamSettings;
  readonly name: string;
  readonly host: string;
  readonly origin: string;
  /** The path of the base URL, put before every path. */
  readonly basePath: string;
  readonly carrier: Carrier;
  /** Whose turn it is among its answers and those of all others. */
  readonly turns: AnswerTurns;
  /** What goes on to it of the headers of requests that say the same. */
  readonly repeatedHeaders: RepeatedHeaders;
}

/** Chosen by model; the first that matches wins (contract.md, "Configuration"). */
export interface UpstreamDirectory {
  /** Gives null where no upstream has the model. A call that names no model goes to the first upstream. */
  choose(model: string | null): Upstream | null;
  named(name: string): Upstream | null;
  /** Whether a model must be known before an upstream can be chosen. */
  readonly hasSeveral: boolean;
  close(): Promise<void>;
}

/** Opens the pools. Nothing is connected before the first call. */
export function createUpstreams(settings: readonly UpstreamSettings[]): UpstreamDirectory {
  const turns = new AnswerTurns();
  const upstreams = settings.map((one) => openUpstream(one, turns));
  const serves = (upstream: Upstream, model: string) =>
    upstream.settings.models.some((pattern) => matchesModel(pattern, model));
  const first = upstreams[0] ?? null;
  return {
    hasSeveral: upstreams.length > 1,
    choose: (model) => (model === null ? first : (upstreams.find((upstream) => serves(upstream, model)) ?? null)),
    named: (name) => upstreams.find((upstream) => upstream.name === name) ?? null,
    close: async () => {
      await Promise.all(upstreams.map((upstream) => upstream.carrier.close()));
    },
  };
}

function openUpstream(settings: UpstreamSettings, turns: AnswerTurns): Upstream {
  const url = new URL(settings.baseUrl);
  return {
    settings,
    name: settings.name,
    host: url.hostname,
    origin: url.origin,
    basePath: url.pathname === '/' ? '' : url.pathname.replace(/\/$/, ''),
    carrier: createUpstreamCarrier(url, settings),
    turns,
    repeatedHeaders: new RepeatedHeaders(),
  };
}
