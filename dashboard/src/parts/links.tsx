import { isAdmin } from '../api/session.ts';
import { Link } from '../routing/link.tsx';
import { viewPath } from '../routing/location.ts';

interface OfTeam {
  readonly team: string;
  readonly id: string;
}

/** Ids of runs and sessions live within a team: an administrator's link says which. */
export function RunLink({ team, id }: OfTeam) {
  return <Link to={viewPath(['runs', id], { team: isAdmin() ? team : null })}>{id}</Link>;
}

export function SessionLink({ team, id }: OfTeam) {
  return <Link to={viewPath(['sessions', id], { team: isAdmin() ? team : null })}>{id}</Link>;
}

export function RecordLink({ id, text }: { readonly id: string; readonly text: string }) {
  return (
    <Link to={viewPath(['records', id])} title={`Record ${id}`}>
      {text}
    </Link>
  );
}
