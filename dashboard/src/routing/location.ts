import { computed, signal } from '@preact/signals';

/** Where the page is served; every view has a path below it, so that it can be shared. */
const BASE = '/dashboard';

const here = signal(globalThis.location.href);

/** The path below the base, in parts, decoded: `/dashboard/runs/a%2Fb` is `['runs', 'a/b']`. */
export const pathParts = computed(() => {
  const { pathname } = new URL(here.value);
  const below = pathname.startsWith(BASE) ? pathname.slice(BASE.length) : pathname;
  return below
    .split('/')
    .filter((part) => part !== '')
    .map(decodePart);
});

export const query = computed(() => new URL(here.value).searchParams);

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export type QueryChange = Readonly<Record<string, string | null>>;

/** The address of a view. */
export function viewPath(parts: readonly string[], given: QueryChange = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(given)) if (value !== null && value !== '') parameters.set(name, value);
  const path = [BASE, ...parts.map(encodeURIComponent)].join('/');
  return parameters.size === 0 ? path : `${path}?${parameters}`;
}

/** The address of this view with some of its settings changed; null takes one away. */
export function changedPath(change: QueryChange): string {
  const url = new URL(here.value);
  for (const [name, value] of Object.entries(change)) {
    if (value === null || value === '') url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  return `${url.pathname}${url.search}`;
}

export function goTo(path: string, how: 'push' | 'replace' = 'push'): void {
  if (how === 'push') globalThis.history.pushState(null, '', path);
  else globalThis.history.replaceState(null, '', path);
  here.value = globalThis.location.href;
}

/** Changes settings of this view, in its address. */
export function changeQuery(change: QueryChange): void {
  goTo(changedPath(change));
}

/** Follows the browser's own back and forward. */
export function followHistory(): void {
  globalThis.addEventListener('popstate', () => {
    here.value = globalThis.location.href;
  });
}
