import { setTimeout as sleep } from 'node:timers/promises';
import type { Measurement } from './measurement.ts';
import type { Session, WarmUp } from './session.ts';
import type { Workload } from './workloads.ts';

export interface Rounds {
  readonly measured: Measurement[];
  /** What went wrong, in words. */
  readonly faults: string[];
}

/**
 * All rounds of one workload, interleaved: candidates that are not measured at the moment are idle. Afterwards the
 * ledgers are compared with the load generator.
 */
export async function runWorkload(
  workload: Workload,
  sessions: readonly Session[],
  options: {
    readonly rounds: number;
    readonly warmUp: WarmUp;
    /** So long after the calls what a candidate does still counts; without it, no time. */
    readonly afterSeconds?: number;
    readonly progress: (text: string) => void;
  },
): Promise<Rounds> {
  const measured: Measurement[] = [];
  const faults: string[] = [];
  const note = (session: Session, fault: unknown) =>
    faults.push(`${workload.name}, ${session.candidate.name}: ${fault instanceof Error ? fault.message : fault}`);
  const ready: Session[] = [];
  for (const session of sessions) {
    await session.begin(workload, options.warmUp).then(
      () => ready.push(session),
      (fault: unknown) => note(session, fault),
    );
  }
  const { afterSeconds = 0 } = options;
  await sleep(afterSeconds * 1000); // what the warm-ups have left to do
  for (let round = 1; round <= options.rounds; round++) {
    // Another one begins in each round, so that nobody always comes after the same neighbour.
    for (const session of rotated(ready, round - 1)) {
      await session.measure(round, afterSeconds).then(
        (measurement) => {
          measured.push(measurement);
          const at = `${workload.name} ${round}/${options.rounds} ${session.candidate.name}`;
          options.progress(`${at}: ${summary(measurement)}`);
        },
        (fault: unknown) => note(session, fault),
      );
    }
  }
  for (const session of ready) {
    const fault = await session.ledgerFault();
    if (fault !== null) note(session, fault);
  }
  return { measured, faults };
}

/** Node comes to speed only after some ten thousand calls, or ten to fifteen seconds of paced streams. */
export function warmUpOf({ quick, seconds }: { readonly quick: boolean; readonly seconds: number }): WarmUp {
  return quick
    ? { coldSeconds: Math.min(1.5, seconds), warmSeconds: Math.min(0.3, seconds), rateSeconds: Math.min(0.3, seconds) }
    : { coldSeconds: Math.max(6, seconds), warmSeconds: 1.5, rateSeconds: 16 };
}

function rotated<Item>(items: readonly Item[], by: number): Item[] {
  const first = by % Math.max(1, items.length);
  return [...items.slice(first), ...items.slice(0, first)];
}

function summary(measurement: Measurement): string {
  const cpu = measurement.cpuMicrosPerCall;
  const errors = measurement.errorText === null ? '' : `, errors: ${measurement.errorText}`;
  return `${measurement.callsPerSecond.toFixed(0)} calls/s${cpu === null ? '' : `, ${cpu.toFixed(1)} µs CPU/call`}${errors}`;
}
