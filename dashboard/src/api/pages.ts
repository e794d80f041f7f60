import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { type Answer, useAnswer } from './answer.ts';
import { ApiError, apiPath, getJson, type Query } from './request.ts';
import type { Shape } from './shape.ts';

export interface Page<Row> {
  readonly data: readonly Row[];
  readonly next_cursor: string | null;
}

export interface Pages<Row> extends Answer<Page<Row>> {
  /** Null where everything is there. */
  readonly more: (() => void) | null;
}

/** A list of the management API: its first page, kept up to date, and further ones when they are asked for. */
export function usePages<Row>(path: string, query: Query, shape: Shape<Page<Row>>): Pages<Row> {
  const first = useAnswer(apiPath(path, query), shape, { live: true });
  const further = useSignal<Page<Row> | null>(null);
  const fault = useSignal<ApiError | null>(null);
  const asked = apiPath(path, query);
  useEffect(() => {
    further.value = null;
    fault.value = null;
  }, [asked]);

  const last = further.value ?? first.data;
  const load = async (cursor: string) => {
    try {
      const page = await getJson(apiPath(path, { ...query, cursor }), shape);
      further.value = { data: [...(further.value?.data ?? []), ...page.data], next_cursor: page.next_cursor };
    } catch (error) {
      fault.value = error instanceof ApiError ? error : new ApiError(0, 'unknown', String(error));
    }
  };
  const cursor = last?.next_cursor ?? null;
  return {
    ...first,
    error: first.error ?? fault.value,
    data:
      first.data === null ? null : { data: [...first.data.data, ...(further.value?.data ?? [])], next_cursor: cursor },
    more: cursor === null ? null : () => void load(cursor),
  };
}
