import { randomFillSync } from 'node:crypto';

/** Crockford's base 32, the alphabet of ULIDs (https://github.com/ulid/spec), as codes of characters. */
const ALPHABET = [...'0123456789ABCDEFGHJKMNPQRSTVWXYZ'].map((letter) => letter.charCodeAt(0));
const ZERO = 0x30;
const TIME_LENGTH = 10;
const RANDOM_LENGTH = 16;
const LENGTH = TIME_LENGTH + RANDOM_LENGTH;
/** Random bytes are fetched for so many milliseconds at once: each time costs more than all else of an id. */
const FETCHED_AT_ONCE = 64;

/**
 * Makes a generator of ULIDs: 26 characters, sortable by time, and strictly rising within one generator even when the
 * clock stands still or steps back (then the last time is kept and the random part is counted up).
 */
export function createIdGenerator(): (nowMs: number) => string {
  let lastMs = -1;
  const digits: number[] = new Array(LENGTH).fill(0);
  const fetched = new Uint8Array(FETCHED_AT_ONCE * RANDOM_LENGTH);
  let taken = fetched.length;

  return (nowMs) => {
    if (nowMs > lastMs) {
      lastMs = nowMs;
      setTime(digits, nowMs);
      if (taken === fetched.length) {
        randomFillSync(fetched);
        taken = 0;
      }
      for (let i = TIME_LENGTH; i < LENGTH; i++) digits[i] = (fetched[taken++] ?? 0) & 31;
    } else {
      countUp(digits);
    }
    return textOf(digits);
  };
}

/** The first ULID of a moment: every id made at or after `ms` sorts at or after it. For time ranges over record ids. */
export function firstIdAt(ms: number): string {
  const digits: number[] = new Array(LENGTH).fill(0);
  setTime(digits, Math.max(0, Math.floor(ms)));
  return textOf(digits);
}

function setTime(digits: number[], ms: number): void {
  let rest = ms;
  for (let i = TIME_LENGTH - 1; i >= 0; i--) {
    digits[i] = rest % 32;
    rest = Math.floor(rest / 32);
  }
}

/** Made at once of all its characters: one by one each would be a text that the next is put to. */
function textOf(digits: readonly number[]): string {
  return String.fromCharCode(...digits.map((digit) => ALPHABET[digit] ?? ZERO));
}

function countUp(digits: number[]): void {
  for (let i = LENGTH - 1; i >= TIME_LENGTH; i--) {
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
