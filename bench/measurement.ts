/** What one candidate did in one round of one workload. */
export interface Measurement {
  readonly workload: string;
  readonly candidate: string;
  readonly round: number;
  readonly calls: number;
  readonly events: number;
  /** Bytes of the answers' bodies. */
  readonly bytes: number;
  readonly seconds: number;
  readonly callsPerSecond: number;
  /** User and system time of the candidate's process; null for no proxy. */
  readonly cpuMicrosPerCall: number | null;
  readonly cpuMicrosPerEvent: number | null;
  /**
   * Of the first two seconds, or of a shorter warm-up, of a process that had served one call; null where it was not paced
   * streams that warmed it up.
   */
  readonly firstCpuMicrosPerCall: number | null;
  /** Share of one core that the candidate used, and that load generator and upstream used together. */
  readonly coreShare: number | null;
  readonly otherCoreShare: number;
  readonly firstMs: Quantiles | null;
  readonly lastMs: Quantiles | null;
  /** How long an event of a paced stream was on its way from the upstream to the client. */
  readonly eventMs: Quantiles | null;
  /** How late the candidate's event loop was. */
  readonly loopDelayMs: Quantiles | null;
  /** Before the first call, and the most while it was measured. */
  readonly idleMb: number | null;
  readonly peakMb: number | null;
  /** From the start of the candidate to its first connection. */
  readonly startMs: number | null;
  readonly errors: number;
  /** What went wrong, in words; null where nothing did. */
  readonly errorText: string | null;
}

export interface Quantiles {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** What the load generator prints. */
export interface LoadResult {
  readonly calls: number;
  readonly events: number;
  /** Bytes of the bodies, without those of the transfer coding. */
  readonly bytes: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly firstMs: Quantiles | null;
  readonly lastMs: Quantiles | null;
  readonly eventMs: Quantiles | null;
  readonly errors: number;
  readonly errorText: string | null;
}

/** Reads what the load generator printed. @throws Error where it is something else */
export function readLoadResult(text: string): LoadResult {
  const result = objectOf(JSON.parse(text));
  const errors = Object.entries(objectOf(result['errors'])).filter(([, count]) => count !== 0);
  const status = numberOf(result['firstStatus']);
  const words = errors.map(([kind, count]) => `${count} ${kind}${kind === 'status' ? ` (${status})` : ''}`);
  return {
    calls: numberOf(result['calls']),
    events: numberOf(result['events']),
    bytes: numberOf(result['bytes']),
    seconds: numberOf(result['seconds']),
    cpuSeconds: numberOf(result['cpuSeconds']),
    firstMs: quantilesOf(result['firstMs']),
    lastMs: quantilesOf(result['lastMs']),
    eventMs: quantilesOf(result['eventMs']),
    errors: errors.reduce((sum, [, count]) => sum + numberOf(count), 0),
    errorText: words.length === 0 ? null : words.join(', '),
  };
}

/** Reads `{ p50, p99, max }`; null where there is null. */
export function quantilesOf(value: unknown): Quantiles | null {
  if (value === null) return null;
  const { p50, p99, max } = objectOf(value);
  return { p50: numberOf(p50), p99: numberOf(p99), max: numberOf(max) };
}

/** What a candidate that runs on Node says of itself, in MiB. */
export interface Memory {
  readonly heapTotalMb: number;
  readonly heapUsedMb: number;
  readonly externalMb: number;
  readonly arrayBuffersMb: number;
  readonly threads: readonly ThreadMemory[];
}

export interface ThreadMemory {
  readonly name: string;
  readonly heapTotalMb: number;
  readonly heapUsedMb: number;
  readonly externalMb: number;
}

export interface Watched {
  readonly delayMs: Quantiles | null;
  readonly memory: Memory;
}

/** Reads what watch-process.js wrote. @throws Error where it is something else */
export function readWatched(text: string): Watched {
  const { delay, memory } = objectOf(JSON.parse(text));
  const figures = objectOf(memory);
  const threads = Array.isArray(figures['threads']) ? figures['threads'].map(objectOf) : [];
  return {
    delayMs: quantilesOf(delay),
    memory: {
      heapTotalMb: numberOf(figures['heapTotalMb']),
      heapUsedMb: numberOf(figures['heapUsedMb']),
      externalMb: numberOf(figures['externalMb']),
      arrayBuffersMb: numberOf(figures['arrayBuffersMb']),
      threads: threads.map((thread) => ({
        name: String(thread['name']),
        heapTotalMb: numberOf(thread['heapTotalMb']),
        heapUsedMb: numberOf(thread['heapUsedMb']),
        externalMb: numberOf(thread['externalMb']),
      })),
    },
  };
}

export function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) throw new Error(`not an object: ${JSON.stringify(value)}`);
  return { ...value };
}

export function numberOf(value: unknown): number {
  if (typeof value !== 'number') throw new Error(`not a number: ${JSON.stringify(value)}`);
  return value;
}
