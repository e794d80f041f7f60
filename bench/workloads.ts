import { type BenchRequest, chatRequest, responsesRequest } from './requests.ts';

/** One kind of traffic. Everything that differs between workloads is a row of the table below. */
export interface Workload {
  readonly name: string;
  readonly title: string;
  /** What the upstream answers. */
  readonly upstream: UpstreamPlan;
  readonly requests: readonly BenchRequest[];
  /** What brings a candidate to speed before, one after the other. It has to take the way that is measured. */
  readonly warmUp: readonly WarmUpTraffic[];
  readonly load: LoadPlan;
  /** How a whole answer ends. */
  readonly endsWith: string;
  /** Tokens' events in an answer; 0: no stream. */
  readonly events: number;
  /** Tokens that each call reports. */
  readonly inputTokens: number;
  /**
   * It is begun with a process that has served nothing: it tells how much memory a stream takes, or depends on what V8
   * has compiled so far.
   */
  readonly fresh?: true;
}

/** Calls that are there to be compiled for. */
export interface WarmUpTraffic {
  readonly request: BenchRequest;
  readonly upstream: UpstreamPlan;
  readonly connections: number;
  /** Calls begun per second; null: call after call on every connection. */
  readonly rate: number | null;
  /** Tokens' events in an answer; 0: no stream. */
  readonly events: number;
  /** No longer than this, whatever is asked for. */
  readonly mostSeconds?: number;
}

export interface UpstreamPlan {
  readonly mode: 'json' | 'chat' | 'responses';
  readonly events?: number;
  readonly intervalMs?: number;
  readonly jsonBytes?: number;
  readonly largeBytes?: number;
  /** What the events of a request with `"seed":2` hold beside their token. */
  readonly eventBytes?: number;
  /** Of each of its connections, in bytes. */
  readonly sendBuffer?: number;
}

export interface LoadPlan {
  readonly connections: number;
  /** Calls begun per second; null: call after call on every connection. */
  readonly rate: number | null;
  /** Calls in all; null: as many as the seconds allow. */
  readonly calls: number | null;
  readonly seconds: number;
  /** Calls take one of so many runs, in no order; without it a run is ten calls and never comes again. */
  readonly runs?: number;
  /** Calls take one of so many keys, in no order, where the credential holds `key-0000000000000000`. */
  readonly keys?: number;
  /** How long each answer's body is; another length is an error. */
  readonly bodyBytes?: number;
  readonly slow?: SlowReaders;
}

/** Connections, spread over all, that take little until some time after the start, and then read as the others do. */
export interface SlowReaders {
  readonly connections: number;
  readonly request: BenchRequest;
  readonly bodyBytes: number;
  readonly bytes: number;
  readonly everyMs: number;
  readonly untilSeconds: number;
}

/** How a whole chat stream ends. */
export const DONE = 'data: [DONE]\n\n';
const COMPLETED = '"metadata":{}}}\n\n';
const BURST_EVENTS = 100;
const RESPONSES_EVENTS = 50;
const WARM_UP_CONNECTIONS = 16;
/** More than are open at a time. */
const PACED_CONNECTIONS = 2000;
const PACED = { mode: 'chat', events: 50, intervalMs: 20 } as const;
const PACED_RATE = 500;
const RATE_CONNECTIONS = 256;
const SETTLING_SECONDS = 5;
/** So short that only some hundred are open at a time. */
const SHORT_PACED = { mode: 'chat', events: 10, intervalMs: 20 } as const;
/**
 * One collection of V8's old generation makes some 25 calls of 500 a second wait: a hundredth of a measurement's calls has
 * to be more than that, or its 99th percentile tells whether one fell into it (docs/performance.md, "How to read it").
 */
const TIMES_AS_LONG_AT_A_RATE = 3;

/**
 * The workloads, in the order in which they run.
 *
 * @param seconds length of a measurement; many open streams are opened, and then stay open for it
 * @param rateSeconds its length at a fixed rate
 */
export function workloads(seconds: number, rateSeconds: number = seconds * TIMES_AS_LONG_AT_A_RATE): Workload[] {
  const closed = (connections: number): LoadPlan => ({ connections, rate: null, calls: null, seconds });
  const atRate = (rate: number): LoadPlan => ({
    connections: RATE_CONNECTIONS,
    rate,
    calls: null,
    seconds: rateSeconds,
  });
  const jsonAnswers = { mode: 'json', jsonBytes: 1024 } as const;
  const json = {
    upstream: jsonAnswers,
    warmUp: [atOnce(chatRequest(1024), jsonAnswers)] as const,
    endsWith: '}',
    events: 0,
    inputTokens: 1200,
  };
  const chat = { endsWith: DONE, inputTokens: 1200 };
  const chatBurst = { mode: 'chat', events: BURST_EVENTS } as const;
  const burst = {
    ...chat,
    upstream: chatBurst,
    warmUp: [atOnce(chatRequest(1024, { stream: 'plain' }), chatBurst)] as const,
    events: BURST_EVENTS,
  };
  const responsesBurst = { mode: 'responses', events: RESPONSES_EVENTS, largeBytes: 61_440 } as const;
  return [
    {
      ...json,
      name: 'json-1k',
      title: 'JSON, 1 KB in, 1 KB out, 32 connections',
      requests: [chatRequest(1024)],
      load: closed(32),
    },
    {
      ...json,
      name: 'json-128k',
      title: 'JSON, 128 KB in, 1 KB out, 16 connections',
      requests: [chatRequest(128 * 1024)],
      load: closed(16),
    },
    {
      ...json,
      name: 'agent-run',
      title: 'Runs of an agent: 10 calls that grow from 2 to 60 KB, 1 KB out, 16 agents',
      requests: agentRun(),
      load: closed(16),
    },
    {
      ...burst,
      name: 'chat-burst',
      title: 'Chat streams of 100 events in one burst, usage not asked for (stream edit), 16 connections',
      requests: [chatRequest(1024, { stream: 'plain' })],
      load: closed(16),
    },
    {
      ...burst,
      name: 'chat-burst-usage',
      title: 'The same, usage asked for by the client (no stream edit)',
      requests: [chatRequest(1024, { stream: 'usage' })],
      load: closed(16),
    },
    {
      name: 'responses-burst',
      title: 'Responses streams of 50 events and a completed event of 60 KB, 16 connections',
      upstream: responsesBurst,
      requests: [responsesRequest(1024)],
      warmUp: [atOnce(responsesRequest(1024), responsesBurst)],
      load: closed(16),
      endsWith: COMPLETED,
      events: RESPONSES_EVENTS,
      inputTokens: 1200,
    },
    {
      ...json,
      name: 'json-rate',
      title: 'JSON of 1 KB at 500 calls/s: what a call waits',
      requests: [chatRequest(1024)],
      warmUp: [...json.warmUp, settling(json.warmUp[0], 500)],
      load: atRate(500),
    },
    {
      ...burst,
      name: 'stream-rate',
      title: 'Chat streams of 100 events at 200 streams/s: what a first byte waits',
      requests: [chatRequest(1024, { stream: 'plain' })],
      warmUp: [...burst.warmUp, settling(burst.warmUp[0], 200)],
      load: atRate(200),
    },
    {
      ...chat,
      name: 'paced-500',
      title: '500 streams at a time, an event every 20 ms, usage not asked for',
      upstream: PACED,
      requests: [chatRequest(1024, { stream: 'plain' })],
      warmUp: [paced(PACED)],
      load: { connections: PACED_CONNECTIONS, rate: PACED_RATE, calls: null, seconds: seconds + 1 },
      events: PACED.events,
      fresh: true,
    },
    openStreams(chat, { streams: 1000, intervalMs: 100, openWithinSeconds: 1, seconds }),
    openStreams(chat, { streams: 5000, intervalMs: 500, openWithinSeconds: 2.5, seconds }),
  ];
}

/** Calls that are answered at once. */
function atOnce(request: BenchRequest, upstream: UpstreamPlan): WarmUpTraffic {
  return { request, upstream, connections: WARM_UP_CONNECTIONS, rate: null, events: upstream.events ?? 0 };
}

/**
 * The same calls at the rate at which they will be measured: within seconds of full load V8 collects everything, because
 * less is allocated.
 */
function settling(traffic: WarmUpTraffic, rate: number): WarmUpTraffic {
  return { ...traffic, connections: RATE_CONNECTIONS, rate, mostSeconds: SETTLING_SECONDS };
}

/**
 * Streams whose events come one by one. What comes together takes another way, in Metertap (`src/metering/event-skim`)
 * and elsewhere: who has been warmed up by bursts compiles the way of single events while it is measured.
 */
function paced(upstream: UpstreamPlan): WarmUpTraffic {
  const request = chatRequest(1024, { stream: 'plain' });
  return { request, upstream, connections: PACED_CONNECTIONS, rate: PACED_RATE, events: upstream.events ?? 0 };
}

/**
 * What comes before many open streams: calls at once, so that to open them is known, then events one by one, of so few
 * streams that their memory is not what the many open ones are compared with.
 */
export function warmUpOfOpenStreams(): readonly WarmUpTraffic[] {
  return [atOnce(chatRequest(1024, { stream: 'plain', burst: true }), SHORT_PACED), paced(SHORT_PACED)];
}

function agentRun(): BenchRequest[] {
  return Array.from({ length: 10 }, (_, i) => chatRequest(Math.round((2 + (i * 58) / 9) * 1024)));
}

/** What `openStreams` opens. */
interface OpenStreams {
  readonly streams: number;
  readonly intervalMs: number;
  readonly openWithinSeconds: number;
  readonly seconds: number;
}

function openStreams(chat: Pick<Workload, 'endsWith' | 'inputTokens'>, plan: OpenStreams): Workload {
  const { streams, intervalMs, openWithinSeconds } = plan;
  // All of them are open together for the seconds of a measurement.
  const events = Math.ceil(((openWithinSeconds + plan.seconds) * 1000) / intervalMs);
  return {
    ...chat,
    name: `open-${streams}`,
    title: `${streams} streams open together, an event every ${intervalMs} ms, usage not asked for`,
    upstream: { mode: 'chat', events, intervalMs },
    requests: [chatRequest(1024, { stream: 'plain' })],
    warmUp: warmUpOfOpenStreams(),
    load: {
      connections: streams,
      rate: streams / openWithinSeconds,
      calls: streams,
      seconds: openWithinSeconds + 10,
    },
    events,
    fresh: true,
  };
}
