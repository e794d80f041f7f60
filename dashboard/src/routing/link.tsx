import type { ComponentChildren } from 'preact';
import { goTo } from './location.ts';

interface LinkProps {
  readonly to: string;
  readonly children: ComponentChildren;
  readonly class?: string;
  readonly current?: 'page' | 'true' | undefined;
  readonly title?: string;
  readonly label?: string;
}

/** A link within the page: a plain one to the browser, so that it can be opened elsewhere and copied. */
export function Link({ to, children, current, title, label, class: className }: LinkProps) {
  const follow = (event: MouseEvent) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    goTo(to);
  };
  return (
    <a href={to} class={className} aria-current={current} title={title} aria-label={label} onClick={follow}>
      {children}
    </a>
  );
}
