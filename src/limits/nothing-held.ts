import type { Reservation } from './reservation.ts';

/** Of a call that no rule applies to: nothing is held. */
export const NOTHING_HELD: Reservation = {
  readings: { budgetRemainingNanoUsd: null, requests: null, tokens: null },
  allowance: null,
  settle: () => undefined,
  release: () => undefined,
};
