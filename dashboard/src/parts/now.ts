import { signal } from '@preact/signals';

const TICK_MS = 10_000;

/** The time, as far as views need it: it moves every ten seconds. */
export const now = signal(Date.now());

export function keepTime(): void {
  setInterval(() => {
    now.value = Date.now();
  }, TICK_MS);
}
