import type { FunctionComponent } from 'preact';
import type { IconName } from './parts/icon.tsx';
import { Health } from './views/health.tsx';
import { Overview } from './views/overview.tsx';
import { RecordView } from './views/record.tsx';
import { Records } from './views/records.tsx';
import { RunView } from './views/run.tsx';
import { Runs } from './views/runs.tsx';
import { SessionView } from './views/session.tsx';
import { Sessions } from './views/sessions.tsx';
import { Start } from './views/start.tsx';
import { Statements } from './views/statements.tsx';
import { Teams } from './views/teams.tsx';
import { Unknown } from './views/unknown.tsx';

export interface View {
  /** The first part of its path. */
  readonly id: string;
  readonly label: string;
  readonly icon: IconName;
  readonly inMenu: boolean;
  readonly title: (parts: readonly string[]) => string;
  readonly body: FunctionComponent<{ readonly parts: readonly string[] }>;
}

/** Every view; those of one thing have its id as the second part of their path. */
export const VIEWS: readonly View[] = [
  { id: '', label: 'Overview', icon: 'overview', inMenu: true, title: () => 'Overview', body: Overview },
  listAndOne({ id: 'runs', label: 'Runs', icon: 'runs', one: 'Run', list: Runs, detail: RunView }),
  listAndOne({
    id: 'sessions',
    label: 'Sessions',
    icon: 'sessions',
    one: 'Session',
    list: Sessions,
    detail: SessionView,
  }),
  { id: 'teams', label: 'Teams and keys', icon: 'teams', inMenu: true, title: () => 'Teams and keys', body: Teams },
  listAndOne({ id: 'records', label: 'Records', icon: 'records', one: 'Record', list: Records, detail: RecordView }),
  {
    id: 'statements',
    label: 'Statements',
    icon: 'statements',
    inMenu: true,
    title: () => 'Statements',
    body: Statements,
  },
  { id: 'health', label: 'Health', icon: 'health', inMenu: true, title: () => 'Health', body: Health },
  { id: 'start', label: 'Connect', icon: 'start', inMenu: true, title: () => 'Connect a client', body: Start },
];

const UNKNOWN: View = {
  id: '?',
  label: 'Unknown',
  icon: 'overview',
  inMenu: false,
  title: () => 'No such view',
  body: Unknown,
};

interface ListAndOne extends Pick<View, 'id' | 'label' | 'icon'> {
  readonly one: string;
  readonly list: FunctionComponent;
  readonly detail: FunctionComponent<{ readonly id: string }>;
}

function listAndOne({ id, label, icon, one, list: List, detail: Detail }: ListAndOne): View {
  return {
    id,
    label,
    icon,
    inMenu: true,
    title: (parts) => (parts[1] === undefined ? label : `${one} ${parts[1]}`),
    body: ({ parts }) => (parts[1] === undefined ? <List /> : <Detail id={parts[1]} />),
  };
}

/** The view that a path names. */
export function viewOf(parts: readonly string[]): View {
  return VIEWS.find(({ id }) => id === (parts[0] ?? '')) ?? UNKNOWN;
}
