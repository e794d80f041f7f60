import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { type Key, keyAnswer, type NewKey, newKeyAnswer, type Team } from '../api/answers.ts';
import { changeJson } from '../api/request.ts';
import { ownKey } from '../api/session.ts';
import { Copyable } from '../parts/copy.tsx';
import { Link } from '../routing/link.tsx';
import { viewPath } from '../routing/location.ts';

type Changed = (key: NewKey | null) => void;

/** A secret that has just been made: it is shown here, and never again. */
export function NewSecret({ made, done }: { readonly made: NewKey; readonly done: () => void }) {
  const box = useRef<HTMLElement>(null);
  useEffect(() => box.current?.focus(), [made.secret]);
  return (
    <section class="card secret" aria-labelledby="secret-head" tabIndex={-1} ref={box}>
      <h2 id="secret-head">The key of {made.id}</h2>
      <p>
        Copy it now: Metertap keeps a hash of it only, and cannot show it again. It is in the examples of{' '}
        <Link to={viewPath(['start'])}>Connect</Link> until this page is closed.
      </p>
      <Copyable text={made.secret} label="the key" />
      <button type="button" onClick={done}>
        I have it
      </button>
    </section>
  );
}

export function NewKeyForm({ teams, changed }: { readonly teams: readonly Team[]; readonly changed: Changed }) {
  const fault = useSignal<string | null>(null);
  const create = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget;
    if (!(form instanceof HTMLFormElement)) return;
    const typed = new FormData(form);
    const text = (name: string) => String(typed.get(name) ?? '').trim();
    const models = text('models')
      .split(/[\s,]+/)
      .filter((model) => model !== '');
    const budget = text('budget');
    const body = {
      team: text('team'),
      ...(text('id') === '' ? {} : { id: text('id') }),
      ...(text('name') === '' ? {} : { name: text('name') }),
      ...(models.length === 0 ? {} : { models }),
      ...(budget === '' ? {} : { limits: [{ budget_usd: budget, per: 'month' }] }),
    };
    try {
      const made = await changeJson('POST', '/api/v1/keys', { body, shape: newKeyAnswer });
      ownKey.value = made.secret;
      fault.value = null;
      form.reset();
      form.closest('details')?.removeAttribute('open');
      changed(made);
    } catch (error) {
      fault.value = error instanceof Error ? error.message : String(error);
    }
  };
  return (
    <details class="new-key">
      <summary class="button">New key</summary>
      <form onSubmit={create} class="filters">
        <label>
          <span>Team</span>
          <input name="team" required list="team-names" autoComplete="off" />
        </label>
        <datalist id="team-names">
          {teams.map(({ id }) => (
            <option key={id} value={id} />
          ))}
        </datalist>
        <label>
          <span>Id, if you want to choose it</span>
          <input name="id" autoComplete="off" pattern="[A-Za-z0-9\-]+" />
        </label>
        <label>
          <span>Name for people</span>
          <input name="name" autoComplete="off" />
        </label>
        <label>
          <span>Only these models</span>
          <input name="models" placeholder="all" autoComplete="off" />
        </label>
        <label>
          <span>Budget a month, US dollars</span>
          <input name="budget" inputMode="decimal" placeholder="none" pattern="\d+(\.\d+)?" autoComplete="off" />
        </label>
        <button type="submit" class="primary">
          Create the key
        </button>
      </form>
      <p class="fault" role="alert">
        {fault.value}
      </p>
    </details>
  );
}

const GRACE_SECONDS = 86_400;

type Step = 'none' | 'rotate' | 'revoke';

/** A change is asked for twice, in words that say what it does. */
export function KeyActions({ of: key, changed }: { readonly of: Key; readonly changed: Changed }) {
  const step = useSignal<Step>('none');
  const fault = useSignal<string | null>(null);
  if (key.status === 'revoked') return null;
  const path = `/api/v1/keys/${encodeURIComponent(key.id)}`;
  const act = async (change: () => Promise<NewKey | null>) => {
    try {
      const made = await change();
      step.value = 'none';
      fault.value = null;
      changed(made);
    } catch (error) {
      fault.value = error instanceof Error ? error.message : String(error);
    }
  };
  const rotate = (graceSeconds: number) =>
    act(() => changeJson('POST', `${path}/rotate`, { body: { grace_seconds: graceSeconds }, shape: newKeyAnswer }));
  const revoke = () =>
    act(async () => {
      await changeJson('DELETE', path, { shape: keyAnswer });
      return null;
    });
  return (
    <span class="actions">
      {step.value === 'none' ? (
        <>
          <button type="button" onClick={() => (step.value = 'rotate')} aria-label={`Rotate ${key.id}`}>
            Rotate
          </button>
          <button type="button" onClick={() => (step.value = 'revoke')} aria-label={`Revoke ${key.id}`}>
            Revoke
          </button>
        </>
      ) : null}
      {step.value === 'rotate' ? (
        <>
          <span>A new secret. The old one goes on</span>
          <button type="button" onClick={() => rotate(GRACE_SECONDS)}>
            for a day
          </button>
          <button type="button" onClick={() => rotate(0)}>
            not at all
          </button>
        </>
      ) : null}
      {step.value === 'revoke' ? (
        <>
          <span>Refused from now on, for ever?</span>
          <button type="button" class="danger" onClick={revoke}>
            Revoke {key.id}
          </button>
        </>
      ) : null}
      {step.value === 'none' ? null : (
        <button type="button" class="quiet" onClick={() => (step.value = 'none')}>
          Cancel
        </button>
      )}
      {fault.value === null ? null : (
        <span class="fault" role="alert">
          {fault.value}
        </span>
      )}
    </span>
  );
}
