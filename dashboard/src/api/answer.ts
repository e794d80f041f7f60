import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { changes } from './live.ts';
import { ApiError, getJson } from './request.ts';
import { sessionIsOver } from './session.ts';
import type { Shape } from './shape.ts';

/** What is known of a question: the last answer stays while the next one is on its way. */
export interface Answer<Value> {
  readonly data: Value | null;
  readonly error: ApiError | null;
  readonly isLoading: boolean;
  readonly reload: () => void;
}

export interface AnswerOptions {
  /** Whether it is asked again when calls land. */
  readonly live?: boolean;
}

interface Held<Value> {
  readonly path: string | null;
  readonly data: Value | null;
  readonly error: ApiError | null;
  readonly isLoading: boolean;
}

/** Asks the management API, and again when the path changes. A null path asks nothing. */
export function useAnswer<Value>(path: string | null, shape: Shape<Value>, options: AnswerOptions = {}): Answer<Value> {
  const held = useSignal<Held<Value>>({ path: null, data: null, error: null, isLoading: path !== null });
  const reloads = useSignal(0);
  const tick = options.live === true ? changes.value : 0;

  useEffect(() => {
    if (path === null) return undefined;
    const aborter = new AbortController();
    const before = held.peek().path === path ? held.peek().data : null;
    held.value = { path, data: before, error: null, isLoading: true };
    getJson(path, shape, aborter.signal).then(
      (data) => {
        held.value = { path, data, error: null, isLoading: false };
      },
      (error: unknown) => {
        if (aborter.signal.aborted) return;
        const told = error instanceof ApiError ? error : new ApiError(0, 'unknown', String(error));
        if (told.status === 401) sessionIsOver();
        held.value = { path, data: before, error: told, isLoading: false };
      },
    );
    return () => aborter.abort();
  }, [path, tick, reloads.value]);

  const { data, error, isLoading } = held.value;
  return {
    data: held.value.path === path ? data : null,
    error,
    isLoading,
    reload: () => {
      reloads.value += 1;
    },
  };
}
