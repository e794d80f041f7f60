import { effect, signal } from '@preact/signals';

export type Theme = 'system' | 'light' | 'dark';
const STORED = 'metertap-theme';

export const theme = signal<Theme>(storedTheme());

function storedTheme(): Theme {
  try {
    const stored = globalThis.localStorage.getItem(STORED);
    return stored === 'light' || stored === 'dark' ? stored : 'system';
  } catch {
    return 'system'; // storage may be forbidden
  }
}

/** Puts the theme on the document, where the style sheet reads it, now and whenever it changes. */
export function applyTheme(): void {
  effect(() => {
    if (theme.value === 'system') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = theme.value;
    try {
      globalThis.localStorage.setItem(STORED, theme.value);
    } catch {
      // It holds for this visit then.
    }
  });
}

const NEXT: Readonly<Record<Theme, Theme>> = { system: 'light', light: 'dark', dark: 'system' };

export function nextTheme(): void {
  theme.value = NEXT[theme.value];
}
