/** Every `created` of every answer: 2026-11-01T00:00:00Z in Unix seconds. Fixed, so that answers can be compared. */
export const CREATED = 1_793_491_200;

/** Gives id suffixes from a counter: `sim000000000001`, `sim000000000002`, … */
export function createSuffixes(): () => string {
  let count = 0;
  return () => `sim${String(++count).padStart(12, '0')}`;
}

/** The id of the tool call at a position of an answer. */
export function callId(suffix: string, position: number): string {
  return `call_${suffix}_${position}`;
}
