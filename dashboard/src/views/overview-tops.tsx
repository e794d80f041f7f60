import { useAnswer } from '../api/answer.ts';
import { runsAnswer, usageAnswer } from '../api/answers.ts';
import { apiPath } from '../api/request.ts';
import { isAdmin } from '../api/session.ts';
import { costOf, type Dimension, sumsBy } from '../api/usage-sums.ts';
import { usdNumber } from '../format/money.ts';
import { Answered } from '../parts/states.tsx';
import { Table } from '../parts/table.tsx';
import { Count, Money } from '../parts/values.tsx';
import { Link } from '../routing/link.tsx';
import { query, viewPath } from '../routing/location.ts';
import { rangeQuery, type TimeRange, usageRange } from '../routing/range.ts';
import { GROUPS } from './overview-choices.ts';

interface TopProps {
  readonly dimension: Dimension;
  readonly title: string;
  readonly range: TimeRange;
  readonly team: string | null;
}

const TOP_ROWS = 6;

/** Who or what cost most, by one dimension. */
export function Top({ dimension, title, range, team }: TopProps) {
  const path = apiPath('/usage', { ...usageRange(range), bucket: '1d', group_by: dimension, team });
  const answer = useAnswer(path, usageAnswer, { live: true });
  return (
    <section class="card" aria-label={title}>
      <h2>{title}</h2>
      <Answered answer={answer}>
        {({ data }) => {
          const sums = sumsBy(data, dimension);
          const most = usdNumber(sums[0]?.cost ?? 0n);
          if (sums.length === 0) return <p class="hint">No calls in this time.</p>;
          return (
            <Table
              id={`top-${dimension}`}
              caption={title}
              keyOf={({ name }) => name}
              rows={sums.slice(0, TOP_ROWS)}
              columns={[
                {
                  head: GROUPS.find(({ id }) => id === dimension)?.label ?? dimension,
                  names: true,
                  cell: (row) => (
                    <Named dimension={dimension} name={row.name} share={most === 0 ? 0 : usdNumber(row.cost) / most} />
                  ),
                },
                { head: 'Calls', numeric: true, cell: (row) => <Count value={row.requests} short /> },
                { head: 'Tokens', numeric: true, cell: (row) => <Count value={row.tokens} short /> },
                { head: 'Cost', numeric: true, cell: (row) => <Money usd={costOf(row)} complete={row.isComplete} /> },
              ]}
            />
          );
        }}
      </Answered>
    </section>
  );
}

function Named({
  dimension,
  name,
  share,
}: {
  readonly dimension: Dimension;
  readonly name: string;
  readonly share: number;
}) {
  const to =
    dimension === 'team'
      ? viewPath([], { team: name, range: query.value.get('range') })
      : dimension === 'model'
        ? viewPath(['records'], { model: name })
        : null;
  return (
    <span class="named">
      {to === null ? name : <Link to={to}>{name}</Link>}
      <meter class="share" min={0} max={1} value={share} aria-hidden="true" />
    </span>
  );
}

/** The runs that cost most. */
export function TopRuns({ range, team }: { readonly range: TimeRange; readonly team: string | null }) {
  const path = apiPath('/runs', { ...rangeQuery(range), order: '-cost', limit: TOP_ROWS, team });
  const answer = useAnswer(path, runsAnswer, { live: true });
  return (
    <section class="card" aria-label="Top runs">
      <h2>Top runs</h2>
      <Answered answer={answer}>
        {({ data }) =>
          data.length === 0 ? (
            <p class="hint">No run in this time. A call names its run with the header x-metertap-run-id.</p>
          ) : (
            <Table
              id="top-runs"
              caption="Top runs; the figures are those of the whole run"
              keyOf={(run) => `${run.team}/${run.run_id}`}
              rows={data}
              columns={[
                {
                  head: 'Run',
                  names: true,
                  cell: (run) => (
                    <Link to={viewPath(['runs', run.run_id], { team: isAdmin() ? run.team : null })}>{run.run_id}</Link>
                  ),
                },
                { head: 'Calls', numeric: true, cell: (run) => <Count value={run.usage.requests} /> },
                { head: 'Tokens', numeric: true, cell: (run) => <Count value={run.usage.total_tokens} short /> },
                {
                  head: 'Cost',
                  numeric: true,
                  cell: (run) => <Money usd={run.cost_usd} complete={run.cost_complete} />,
                },
              ]}
            />
          )
        }
      </Answered>
    </section>
  );
}
