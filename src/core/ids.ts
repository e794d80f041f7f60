import { randomFillSync } from 'node:crypto';

/** Crockford's base 32, the alphabet of ULIDs (https://github.com/ulid/spec). */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const TIME_LENGTH = 10;
const RANDOM_LENGTH = 16;
/** Random bytes are fetched for so many milliseconds at once: each time costs more than all else of an id. */
const FETCHED_AT_ONCE = 64;

/**
 * Makes a generator of ULIDs: 26 characters, sortable by time, and strictly rising within one generator even when the
 * clock stands still or steps back (then the last time is kept and the random part is counted up).
 */
export function createIdGenerator(): (nowMs: number) => string {
  let lastMs = -1;
  let timePart = '';
  const random = new Uint8Array(RANDOM_LENGTH);
  const fetched = new Uint8Array(FETCHED_AT_ONCE * RANDOM_LENGTH);
  let taken = fetched.length;

  return (nowMs) => {
    if (nowMs > lastMs) {
      lastMs = nowMs;
      timePart = encodeTime(nowMs);
      if (taken === fetched.length) {
        randomFillSync(fetched);
        taken = 0;
      }
      for (let i = 0; i < RANDOM_LENGTH; i++) random[i] = (fetched[taken++] ?? 0) & 31;
    } else {
      countUp(random);
    }
    let id = timePart;
    for (let i = 0; i < RANDOM_LENGTH; i++) id += ALPHABET[random[i] ?? 0];
    return id;
  };
}

/** The first ULID of a moment: every id made at or after `ms` sorts at or after it. For time ranges over record ids. */
export function firstIdAt(ms: number): string {
  return encodeTime(Math.max(0, Math.floor(ms))) + '0'.repeat(RANDOM_LENGTH);
}

function encodeTime(ms: number): string {
  let rest = ms;
  let text = '';
  for (let i = 0; i < TIME_LENGTH; i++) {
    text = (ALPHABET[rest % 32] ?? '0') + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

function countUp(digits: Uint8Array): void {
  for (let i = digits.length - 1; i >= 0; i--) {
    const digit = digits[i] ?? 0;
    if (digit < 31) {
      digits[i] = digit + 1;
      return;
    }
    digits[i] = 0;
  }
}

const CONTROL_OR_UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/u;
const MAX_ID_LENGTH = 256;

/**
 * Tells whether `value` may be the id of a run, session, agent or user: 1 to 256 printable characters, not only blanks
 * (contract.md, "Attribution").
 */
export function isUsableId(value: string): boolean {
  return (
    value.length > 0 && value.length <= MAX_ID_LENGTH && value.trim() !== '' && !CONTROL_OR_UNPRINTABLE.test(value)
  );
}
