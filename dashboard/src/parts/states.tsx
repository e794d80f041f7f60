import type { ComponentChildren } from 'preact';
import type { Answer } from '../api/answer.ts';

/** What a view shows of a question: its answer, or that it is on its way, or why there is none and what to do. */
export function Answered<Value>({
  answer,
  children,
}: {
  readonly answer: Answer<Value>;
  readonly children: (data: Value) => ComponentChildren;
}) {
  const { data, error, isLoading } = answer;
  return (
    <>
      {error === null ? null : (
        <div class="notice bad" role="alert">
          <p>
            <strong>{data === null ? 'This cannot be shown.' : 'These figures are not up to date.'}</strong>{' '}
            {error.message}
          </p>
          <button type="button" onClick={answer.reload}>
            Try again
          </button>
        </div>
      )}
      {data === null && error === null && isLoading ? <Loading /> : null}
      {data === null ? null : children(data)}
    </>
  );
}

export function Loading() {
  return (
    <div class="loading" role="status">
      <span class="visually-hidden">Loading</span>
      <i />
      <i />
      <i />
    </div>
  );
}

export function Empty({ title, children }: { readonly title: string; readonly children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

type Tone = 'good' | 'warn' | 'bad' | 'plain';

export function Badge({ tone = 'plain', children }: { readonly tone?: Tone; readonly children: ComponentChildren }) {
  return <span class={`badge ${tone}`}>{children}</span>;
}

const ENDING_TONES: Readonly<Record<string, Tone>> = {
  completed: 'good',
  client_left: 'warn',
  interrupted: 'warn',
  upstream_cut: 'bad',
  upstream_error: 'bad',
  timed_out: 'bad',
};

export function Ending({ ending }: { readonly ending: string }) {
  return <Badge tone={ENDING_TONES[ending] ?? 'plain'}>{ending.replaceAll('_', ' ')}</Badge>;
}
