import { useEffect, useRef } from 'preact/hooks';
import { followChanges, liveState } from './api/live.ts';
import { isAdmin, session, signOut } from './api/session.ts';
import { Icon } from './parts/icon.tsx';
import { Loading } from './parts/states.tsx';
import { nextTheme, theme } from './parts/theme.ts';
import { Link } from './routing/link.tsx';
import { pathParts, viewPath } from './routing/location.ts';
import { SignIn } from './views/sign-in.tsx';
import { VIEWS, viewOf } from './views.tsx';

/** The whole page: sign-in, or the frame around the view that the address names. */
export function Page() {
  const state = session.value;
  if (state.kind === 'unknown') return <Loading />;
  return state.kind === 'out' ? <SignIn why={state.why} /> : <Frame />;
}

function Frame() {
  useEffect(followChanges, []);
  const parts = pathParts.value;
  const view = viewOf(parts);
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  const place = parts.join('/');

  // A new view is announced and read from its beginning, as a new page would be.
  useEffect(() => {
    document.title = `${view.title(parts)} · Metertap`;
    if (isFirst.current) isFirst.current = false;
    else {
      main.current?.focus({ preventScroll: true });
      globalThis.scrollTo(0, 0);
    }
  }, [place]);

  return (
    <div class="frame">
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header class="top">
        <Link to={viewPath([])} class="brand" label="Metertap, overview">
          <img src="/dashboard/icon.svg" alt="" width="26" height="26" />
          <span>Metertap</span>
        </Link>
        <nav aria-label="Views">
          <ul>
            {VIEWS.filter(({ inMenu }) => inMenu).map(({ id, label, icon }) => (
              <li key={id}>
                <Link to={viewPath(id === '' ? [] : [id])} current={view.id === id ? 'page' : undefined}>
                  <Icon name={icon} />
                  <span>{label}</span>
                </Link>
              </li>
            ))}
          </ul>
        </nav>
        <Account />
      </header>
      <main id="main" ref={main} tabIndex={-1} key={place}>
        <view.body parts={parts} />
      </main>
    </div>
  );
}

function Account() {
  const state = session.value;
  const team = state.kind === 'in' ? state.me.team : null;
  return (
    <div class="account">
      <LivePill />
      <span class="who" title={isAdmin() ? 'Signed in with an admin key' : 'Signed in with the key of a team'}>
        {isAdmin() ? 'Administrator' : team}
      </span>
      <button
        type="button"
        class="icon-button"
        onClick={nextTheme}
        aria-label={`Theme: ${theme.value}. Change it`}
        title={`Theme: ${theme.value}`}
      >
        <Icon name={theme.value === 'dark' ? 'moon' : theme.value === 'light' ? 'sun' : 'contrast'} />
      </button>
      <button type="button" class="icon-button" onClick={() => void signOut()} aria-label="Sign out" title="Sign out">
        <Icon name="leave" />
      </button>
    </div>
  );
}

const LIVE_TEXTS = {
  off: 'Off',
  connecting: 'Connecting',
  live: 'Live',
  lost: 'Connection lost, trying again',
} as const;

/** Whether the figures move by themselves now. */
function LivePill() {
  const state = liveState.value;
  return (
    <span class={`feed ${state}`} role="status">
      <i />
      {LIVE_TEXTS[state]}
    </span>
  );
}
