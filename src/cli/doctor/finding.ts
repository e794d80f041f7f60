/** What one check found. */
export interface Finding {
  /** What was looked at, in a word or two. */
  readonly check: string;
  readonly state: 'ok' | 'warn' | 'fail';
  /** One line. Never with a secret. */
  readonly text: string;
  /** What to do; null where nothing is to be done. */
  readonly hint: string | null;
}

export const ok = (check: string, text: string): Finding => ({ check, state: 'ok', text, hint: null });
export const warn = (check: string, text: string, hint: string): Finding => ({ check, state: 'warn', text, hint });
export const fail = (check: string, text: string, hint: string): Finding => ({ check, state: 'fail', text, hint });

/** What went wrong, in the words of whatever threw it. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
