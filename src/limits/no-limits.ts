import type { LimitStage, Reservation } from './reservation.ts';

const NOTHING_HELD: Reservation = { settle: () => undefined, release: () => undefined };

/** The stage where no token, money or run rule is in force: every call is admitted and nothing is held. */
export const noLimits: LimitStage = { reserve: () => Promise.resolve(NOTHING_HELD) };
