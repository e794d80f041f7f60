import { useAnswer } from '../api/answer.ts';
import { sessionAnswer } from '../api/answers.ts';
import { apiPath } from '../api/request.ts';
import { plural } from '../format/numbers.ts';
import { duration } from '../format/times.ts';
import { RunLink } from '../parts/links.tsx';
import { now } from '../parts/now.ts';
import { Answered } from '../parts/states.tsx';
import { Table } from '../parts/table.tsx';
import { Count, Moment, Money, Share } from '../parts/values.tsx';
import { Link } from '../routing/link.tsx';
import { query, viewPath } from '../routing/location.ts';

/** One session: its sum, and what each of its runs did in it. */
export function SessionView({ id }: { readonly id: string }) {
  const path = apiPath(`/sessions/${encodeURIComponent(id)}`, { team: query.value.get('team') });
  const session = useAnswer(path, sessionAnswer, { live: true });
  return (
    <>
      <nav aria-label="Where this is" class="crumbs">
        <Link to={viewPath(['sessions'])}>Sessions</Link>
      </nav>
      <div class="view-head">
        <h1 class="id">{id}</h1>
      </div>
      <Answered answer={session}>
        {(data) => (
          <>
            <dl class="tiles" aria-live="polite">
              <div class="tile" id="session-cost">
                <dt>Cost</dt>
                <dd>
                  <Money usd={data.cost_usd} complete={data.cost_complete} />
                </dd>
                <dd class="note">team {data.team}</dd>
              </div>
              <div class="tile" id="session-tokens">
                <dt>Tokens</dt>
                <dd>
                  <Count value={data.usage.total_tokens} />
                </dd>
                <dd class="note">
                  <Share part={data.usage.cache_read_tokens} of={data.usage.input_tokens} /> of the input from a cache
                </dd>
              </div>
              <div class="tile">
                <dt>Calls</dt>
                <dd>
                  <Count value={data.usage.requests} />
                </dd>
                <dd class="note">{plural(data.usage.tool_calls, 'tool call')}</dd>
              </div>
              <div class="tile">
                <dt>Time</dt>
                <dd>{duration(Date.parse(data.last_activity_at) - Date.parse(data.started_at))}</dd>
                <dd class="note">
                  last activity <Moment iso={data.last_activity_at} nowMs={now.value} />
                </dd>
              </div>
            </dl>
            <section class="card" aria-labelledby="session-runs">
              <h2 id="session-runs">Runs</h2>
              <Table
                caption="Runs of the session, with what each did in it"
                keyOf={(row) => row.run_id ?? ''}
                rows={[...data.runs, ...(data.without_run === null ? [] : [{ ...data.without_run, run_id: null }])]}
                columns={[
                  {
                    head: 'Run',
                    names: true,
                    cell: (row) => (row.run_id === null ? '(no run)' : <RunLink team={data.team} id={row.run_id} />),
                  },
                  { head: 'Began', cell: (row) => <Moment iso={row.started_at} /> },
                  { head: 'Calls', numeric: true, cell: (row) => <Count value={row.usage.requests} /> },
                  { head: 'Tokens', numeric: true, cell: (row) => <Count value={row.usage.total_tokens} /> },
                  {
                    head: 'Cost',
                    numeric: true,
                    cell: (row) => <Money usd={row.cost_usd} complete={row.cost_complete} />,
                  },
                ]}
              />
              {data.runs_truncated ? <p class="hint">The first 1,000 runs are shown; the sum holds them all.</p> : null}
            </section>
          </>
        )}
      </Answered>
    </>
  );
}
