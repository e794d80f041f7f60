import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { signIn } from '../api/session.ts';

/** The page before everything: a key, and what keys there are. */
export function SignIn({ why }: { readonly why: string | null }) {
  const fault = useSignal(why);
  const isBusy = useSignal(false);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    document.title = 'Sign in · Metertap';
    input.current?.focus();
  }, []);

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const key = input.current?.value.trim() ?? '';
    if (key === '') return;
    isBusy.value = true;
    try {
      await signIn(key);
    } catch (error) {
      fault.value = error instanceof Error ? error.message : String(error);
      isBusy.value = false;
      input.current?.select();
    }
  };
  return (
    <main class="sign-in">
      <form onSubmit={submit}>
        <img src="/dashboard/icon.svg" alt="" width="44" height="44" />
        <h1>Metertap</h1>
        <p class="lead">What every key, team and agent run has used, and what it cost.</p>
        {/* So that a password manager keeps the key under a name. */}
        <input
          class="visually-hidden"
          type="text"
          name="username"
          autoComplete="username"
          value="metertap"
          tabIndex={-1}
          aria-hidden="true"
          readOnly
        />
        <label for="key">Admin key, or the key of a team</label>
        <input
          id="key"
          ref={input}
          name="key"
          type="password"
          autoComplete="current-password"
          spellcheck={false}
          required
          aria-invalid={fault.value !== null}
          aria-describedby="key-fault key-hint"
        />
        <p id="key-fault" class="fault" role="alert">
          {fault.value}
        </p>
        <button type="submit" class="primary" disabled={isBusy.value}>
          {isBusy.value ? 'Signing in…' : 'Sign in'}
        </button>
        <p id="key-hint" class="hint">
          Metertap prints where its admin key is when it starts: usually <code>data/secrets/admin.key</code>. The key of
          a team shows that team, and changes nothing.
        </p>
      </form>
    </main>
  );
}
