import { signal } from '@preact/signals';
import { type Me, meAnswer } from './answers.ts';
import { changeJson, getJson } from './request.ts';
import { anything } from './shape.ts';

/** `unknown` until it was asked; `out` shows the sign-in page. */
export type SessionState =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'out'; readonly why: string | null }
  | { readonly kind: 'in'; readonly me: Me };

export const session = signal<SessionState>({ kind: 'unknown' });

/** The key of a team that was just typed or made, for the examples to show. Gone with the page, and kept nowhere. */
export const ownKey = signal<string | null>(null);

export async function findSession(): Promise<void> {
  try {
    const me = await getJson('/api/v1/me', meAnswer);
    session.value = me.kind === 'nobody' ? { kind: 'out', why: null } : { kind: 'in', me };
  } catch (error) {
    session.value = { kind: 'out', why: error instanceof Error ? error.message : String(error) };
  }
}

export async function signIn(key: string): Promise<void> {
  const me = await changeJson('POST', '/api/v1/sign-in', { body: { key }, shape: meAnswer });
  ownKey.value = me.kind === 'team' ? key : null;
  session.value = { kind: 'in', me };
}

export async function signOut(): Promise<void> {
  try {
    await changeJson('POST', '/api/v1/sign-out', { shape: anything });
  } finally {
    ownKey.value = null;
    session.value = { kind: 'out', why: null };
  }
}

/** Called where an answer says that the session is over, as after twelve hours or when its key was revoked. */
export function sessionIsOver(): void {
  if (session.value.kind !== 'in') return;
  ownKey.value = null;
  session.value = { kind: 'out', why: 'Your session is over, or its key is no longer valid. Sign in again.' };
}

export function isAdmin(): boolean {
  return session.value.kind === 'in' && session.value.me.kind === 'admin';
}

/** Whether this session may change teams and keys. */
export function mayChange(): boolean {
  return session.value.kind === 'in' && !session.value.me.read_only;
}
