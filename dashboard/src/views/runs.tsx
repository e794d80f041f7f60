import { useSignal } from '@preact/signals';
import { type Run, runsAnswer } from '../api/answers.ts';
import { usePages } from '../api/pages.ts';
import { isAdmin } from '../api/session.ts';
import { Choice } from '../parts/choice.tsx';
import { RunLink, SessionLink } from '../parts/links.tsx';
import { More } from '../parts/more.tsx';
import { now } from '../parts/now.ts';
import { Answered, Badge, Empty } from '../parts/states.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Count, Moment, Money, Share } from '../parts/values.tsx';
import { Link } from '../routing/link.tsx';
import { changeQuery, goTo, query, viewPath } from '../routing/location.ts';

type Order = '-last_activity_at' | '-cost';
const ORDERS: readonly { readonly id: Order; readonly label: string }[] = [
  { id: '-last_activity_at', label: 'Latest' },
  { id: '-cost', label: 'Dearest' },
];

const COLUMNS: readonly Column<Run>[] = [
  { head: 'Run', names: true, cell: (run) => <RunLink team={run.team} id={run.run_id} /> },
  {
    head: 'State',
    cell: (run) =>
      run.in_flight > 0 ? <Badge tone="good">{run.in_flight} open</Badge> : <span class="faint">idle</span>,
  },
  { head: 'Agents', cell: (run) => run.by_agent.map(({ agent }) => agent ?? '–').join(', '), wide: true },
  {
    head: 'Session',
    cell: (run) => (run.session_id === null ? '–' : <SessionLink team={run.team} id={run.session_id} />),
    wide: true,
  },
  { head: 'Last activity', cell: (run) => <Moment iso={run.last_activity_at} nowMs={now.value} /> },
  { head: 'Calls', numeric: true, cell: (run) => <Count value={run.usage.requests} /> },
  { head: 'Tokens', numeric: true, cell: (run) => <Count value={run.usage.total_tokens} /> },
  {
    head: 'Cached',
    numeric: true,
    cell: (run) => <Share part={run.usage.cache_read_tokens} of={run.usage.input_tokens} />,
  },
  { head: 'Cost', numeric: true, cell: (run) => <Money usd={run.cost_usd} complete={run.cost_complete} /> },
];
const TEAM_COLUMN: Column<Run> = { head: 'Team', cell: (run) => run.team };

/** Every agent run, the latest or the dearest first. */
export function Runs() {
  const order = ORDERS.find(({ id }) => id === query.value.get('order'))?.id ?? '-last_activity_at';
  const search = useSignal(query.value.get('search') ?? '');
  const team = query.value.get('team');
  const runs = usePages('/runs', { order, limit: 50, team }, runsAnswer);
  const columns = isAdmin() ? COLUMNS.toSpliced(1, 0, TEAM_COLUMN) : COLUMNS;
  const wanted = search.value.trim().toLowerCase();

  return (
    <>
      <div class="view-head">
        <h1>Runs</h1>
        <div class="controls">
          <Choice label="Order" options={ORDERS} chosen={order} onChoose={(id) => changeQuery({ order: id })} />
        </div>
      </div>
      <search>
        <form
          class="search"
          onSubmit={(event) => {
            event.preventDefault();
            if (search.value.trim() !== '') goTo(viewPath(['runs', search.value.trim()], { team }));
          }}
        >
          <label>
            <span class="visually-hidden">Find a run</span>
            <input
              type="search"
              placeholder="Run, session, agent or team"
              value={search.value}
              onInput={(event) => {
                search.value = event.currentTarget.value;
              }}
              aria-describedby="search-hint"
            />
          </label>
          <button type="submit">Open run</button>
        </form>
      </search>
      <p id="search-hint" class="hint">
        Narrows the runs below as you type; Enter opens the run of exactly that id, however old it is.
      </p>
      <Answered answer={runs}>
        {({ data }) => {
          const rows = data.filter((run) => wanted === '' || textOf(run).includes(wanted));
          if (data.length === 0) return <NoRuns />;
          if (rows.length === 0)
            return <Empty title={`None of the ${data.length} runs that are shown has “${search.value}” in it.`} />;
          return (
            <Table
              id="runs"
              caption="Runs"
              columns={columns}
              rows={rows}
              keyOf={(run) => `${run.team}/${run.run_id}`}
            />
          );
        }}
      </Answered>
      <More more={runs.more} />
    </>
  );
}

function textOf(run: Run): string {
  const agents = run.by_agent.map(({ agent }) => agent ?? '');
  return [run.run_id, run.team, run.session_id ?? '', ...agents].join('\n').toLowerCase();
}

export function NoRuns() {
  return (
    <Empty title="No run yet.">
      <p>
        A call names its run with the header <code>x-metertap-run-id</code>, or by a base URL of its own:{' '}
        <code>{globalThis.location.origin}/run/my-run/v1</code>. <Link to={viewPath(['start'])}>Connect a client</Link>
      </p>
    </Empty>
  );
}
