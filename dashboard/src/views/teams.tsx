import { useSignal } from '@preact/signals';
import { useAnswer } from '../api/answer.ts';
import { auditAnswer, type Key, keysAnswer, type NewKey, type Team, teamsAnswer, usageAnswer } from '../api/answers.ts';
import { apiPath } from '../api/request.ts';
import { isAdmin, mayChange, session } from '../api/session.ts';
import { type Dimension, sumsBy, type UsageSum } from '../api/usage-sums.ts';
import { now } from '../parts/now.ts';
import { RangePicker } from '../parts/range-picker.tsx';
import { Answered, Badge, Empty } from '../parts/states.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Count, Moment, Money } from '../parts/values.tsx';
import { Link } from '../routing/link.tsx';
import { query, viewPath } from '../routing/location.ts';
import { readRange, type TimeRange, usageRange } from '../routing/range.ts';
import { KeyActions, NewKeyForm, NewSecret } from './key-changes.tsx';
import { Limits } from './limits.tsx';

const STATUS_TONES = { active: 'good', disabled: 'warn', expired: 'warn', revoked: 'plain' } as const;

/** Who may call, what each used, and what each may use. */
export function Teams() {
  const range = readRange(now.value);
  const made = useSignal<NewKey | null>(null);
  const withRevoked = query.value.get('revoked') === 'show';
  const teams = useAnswer(apiPath('/teams', { limit: 1000 }), teamsAnswer);
  const keys = useAnswer(apiPath('/keys', { limit: 1000, include_revoked: withRevoked ? 'true' : null }), keysAnswer);
  const changed = (key: NewKey | null) => {
    made.value = key;
    teams.reload();
    keys.reload();
  };
  const mode = session.value.kind === 'in' ? session.value.me.auth_mode : 'keys';
  return (
    <>
      <div class="view-head">
        <h1>Teams and keys</h1>
        <div class="controls">
          <RangePicker range={range} />
        </div>
      </div>
      {mode === 'passthrough' ? (
        <p class="notice">
          Metertap runs in passthrough mode: clients use their own credentials, and each unknown one counts as a team.
          Keys of Metertap open calls with <code>auth.mode: keys</code>.
        </p>
      ) : null}
      {made.value === null ? null : <NewSecret made={made.value} done={() => (made.value = null)} />}
      <section class="card" aria-labelledby="teams-head">
        <h2 id="teams-head">Teams</h2>
        <Answered answer={teams}>{({ data }) => <TeamTable teams={data} range={range} />}</Answered>
      </section>
      <Limits />
      <section class="card" aria-labelledby="keys-head">
        <div class="card-head">
          <h2 id="keys-head">Keys</h2>
          <Link to={viewPath(['teams'], { revoked: withRevoked ? null : 'show' })} class="quiet">
            {withRevoked ? 'Hide revoked keys' : 'Show revoked keys'}
          </Link>
        </div>
        <Answered answer={keys}>{({ data }) => <KeyTable keys={data} range={range} changed={changed} />}</Answered>
        {mayChange() ? <NewKeyForm teams={teams.data?.data ?? []} changed={changed} /> : null}
      </section>
      {isAdmin() ? <Audit keys={keys.data?.data ?? []} /> : null}
    </>
  );
}

/** What each name of a dimension used in a range. */
function useUses(dimension: Dimension, range: TimeRange): ReadonlyMap<string, UsageSum> {
  const path = apiPath('/usage', { ...usageRange(range), bucket: '1d', group_by: dimension });
  const usage = useAnswer(path, usageAnswer, { live: true });
  return new Map(sumsBy(usage.data?.data ?? [], dimension).map((sum) => [sum.name, sum]));
}

function useColumns(uses: ReadonlyMap<string, UsageSum>): Column<{ readonly id: string }>[] {
  return [
    { head: 'Calls', numeric: true, cell: ({ id }) => <Count value={uses.get(id)?.requests ?? 0} /> },
    { head: 'Tokens', numeric: true, cell: ({ id }) => <Count value={uses.get(id)?.tokens ?? 0} short /> },
    {
      head: 'Cost',
      numeric: true,
      cell: ({ id }) => <Money usd={uses.get(id)?.cost ?? 0n} complete={uses.get(id)?.isComplete ?? true} />,
    },
  ];
}

function TeamTable({ teams, range }: { readonly teams: readonly Team[]; readonly range: TimeRange }) {
  const uses = useUses('team', range);
  const known = new Set(teams.map(({ id }) => id));
  const seen = [...uses.keys()]
    .filter((id) => !known.has(id))
    .map((id): Team => ({ id, name: null, source: 'seen', limits: [] }));
  const rows = [...teams, ...seen];
  if (rows.length === 0) return <Empty title="No team yet. A key makes its team." />;
  return (
    <Table
      id="teams"
      caption="Teams, and what they used in the time chosen above"
      rows={rows}
      keyOf={({ id }) => id}
      columns={[
        { head: 'Team', names: true, cell: ({ id }) => <Link to={viewPath([], { team: id })}>{id}</Link> },
        { head: 'Name', cell: ({ name }) => name ?? '–' },
        { head: 'From', cell: ({ source }) => SOURCES[source] ?? source, wide: true },
        ...useColumns(uses),
      ]}
    />
  );
}

const SOURCES: Readonly<Record<string, string>> = {
  api: 'made here',
  file: 'configuration file',
  seen: 'its calls',
};

interface KeyTableProps {
  readonly keys: readonly Key[];
  readonly range: TimeRange;
  readonly changed: (key: NewKey | null) => void;
}

function KeyTable({ keys, range, changed }: KeyTableProps) {
  const uses = useUses('key_id', range);
  if (keys.length === 0) return <Empty title="No key yet." />;
  return (
    <Table
      id="keys"
      caption="Keys, and what they used in the time chosen above"
      rows={keys}
      keyOf={({ id }) => id}
      columns={[
        {
          head: 'Key',
          names: true,
          cell: ({ id, name, redacted_value: value }) => (
            <>
              <Link to={viewPath(['records'], { key_id: id })}>{id}</Link>
              <span class="faint sub">{name ?? (value === '…' ? '' : value)}</span>
            </>
          ),
        },
        { head: 'Team', cell: ({ team }) => team },
        { head: 'State', cell: ({ status }) => <Badge tone={toneOf(status)}>{status}</Badge> },
        {
          head: 'Last used',
          cell: ({ last_used_at: at }) => (at === null ? '–' : <Moment iso={at} nowMs={now.value} />),
          wide: true,
        },
        ...useColumns(uses),
        ...(mayChange()
          ? [
              {
                head: 'Change',
                cell: (key: Key) =>
                  key.source === 'file' ? (
                    <span class="faint">in the file</span>
                  ) : (
                    <KeyActions of={key} changed={changed} />
                  ),
              },
            ]
          : []),
      ]}
    />
  );
}

function toneOf(status: string) {
  return status === 'active' || status === 'disabled' || status === 'expired' ? STATUS_TONES[status] : 'plain';
}

const AUDIT_ROWS = 20;

/** Grows anew when keys change, since then there is a further entry. */
function Audit({ keys }: { readonly keys: readonly Key[] }) {
  const audit = useAnswer(apiPath('/audit', { limit: AUDIT_ROWS }), auditAnswer, { live: keys.length > 0 });
  return (
    <section class="card" aria-labelledby="audit-head">
      <h2 id="audit-head">Latest changes</h2>
      <Answered answer={audit}>
        {({ data }) =>
          data.length === 0 ? (
            <p class="hint">No team or key has been changed yet.</p>
          ) : (
            <Table
              id="audit"
              caption="Changes of teams and keys, the newest first"
              rows={data}
              keyOf={({ id }) => String(id)}
              columns={[
                { head: 'When', names: true, cell: ({ at }) => <Moment iso={at} /> },
                { head: 'Who', cell: ({ actor }) => actor },
                { head: 'Did', cell: ({ action }) => action },
                { head: 'To', cell: ({ target_id: id }) => id },
              ]}
            />
          )
        }
      </Answered>
    </section>
  );
}
