import { signal } from '@preact/signals';

/** How the stream of events that a view follows is doing. */
export type LiveState = 'off' | 'connecting' | 'live' | 'lost';

export const liveState = signal<LiveState>('off');

/** Grows whenever calls have landed, and when a lost connection is back: views ask again. */
export const changes = signal(0);

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 15_000;
const ASK_ANYWAY_MS = 30_000;

export interface Follower {
  readonly path: string;
  readonly on: Readonly<Record<string, (data: string) => void>>;
  /** The connection stands, for the first time or again. */
  readonly connected: (isAgain: boolean) => void;
  readonly state: (state: LiveState) => void;
}

/**
 * Follows a stream of server-sent events for as long as it is wanted, and connects again when it is lost: the browser's
 * own retry gives up on an answer that is not a stream, as while a server restarts behind a load balancer.
 *
 * @returns a function that ends it
 */
export function follow({ path, on, connected, state }: Follower): () => void {
  let source: EventSource | null = null;
  let retry: ReturnType<typeof setTimeout> | null = null;
  let retryMs = FIRST_RETRY_MS;
  let wasConnected = false;

  const open = () => {
    retry = null;
    source?.close();
    source = new EventSource(path);
    source.onopen = () => {
      retryMs = FIRST_RETRY_MS;
      state('live');
      connected(wasConnected);
      wasConnected = true;
    };
    source.onerror = () => {
      source?.close();
      state('lost');
      retry ??= setTimeout(open, retryMs);
      retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
    };
    for (const [name, listener] of Object.entries(on)) {
      source.addEventListener(name, (event) => listener(String(event.data)));
    }
  };
  const hurry = () => {
    if (retry === null) return;
    clearTimeout(retry);
    open();
  };
  state('connecting');
  open();
  globalThis.addEventListener('online', hurry);
  return () => {
    globalThis.removeEventListener('online', hurry);
    if (retry !== null) clearTimeout(retry);
    source?.close();
    state('off');
  };
}

/** Follows the changes of everything that this session may see. */
export function followChanges(): () => void {
  const grow = () => {
    changes.value += 1;
  };
  // Of calls that another process on the same ledger served, this one's stream says nothing.
  const timer = setInterval(grow, ASK_ANYWAY_MS);
  const stop = follow({
    path: '/api/v1/events',
    on: { changed: grow },
    connected: (isAgain) => {
      if (isAgain) grow();
    },
    state: (state) => {
      liveState.value = state;
    },
  });
  return () => {
    clearInterval(timer);
    stop();
  };
}
