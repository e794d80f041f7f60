import { useAnswer } from '../api/answer.ts';
import { usageAnswer } from '../api/answers.ts';
import { apiPath } from '../api/request.ts';
import { isAdmin } from '../api/session.ts';
import { allResults, sumResults } from '../api/usage-sums.ts';
import { SessionLink } from '../parts/links.tsx';
import { now } from '../parts/now.ts';
import { RangePicker } from '../parts/range-picker.tsx';
import { Answered, Empty } from '../parts/states.tsx';
import { Table } from '../parts/table.tsx';
import { Count, Money, Share } from '../parts/values.tsx';
import { query } from '../routing/location.ts';
import { readRange, usageRange } from '../routing/range.ts';

/** Sessions that were active in a span of time, the dearest first. */
export function Sessions() {
  const range = readRange(now.value);
  const team = query.value.get('team');
  const asked = { ...usageRange(range), bucket: '1d', group_by: 'team,session_id', team };
  const usage = useAnswer(apiPath('/usage', asked), usageAnswer, { live: true });
  return (
    <>
      <div class="view-head">
        <h1>Sessions</h1>
        <div class="controls">
          <RangePicker range={range} />
        </div>
      </div>
      <Answered answer={usage}>
        {({ data }) => {
          const results = allResults(data).filter(({ session_id: id }) => id !== null);
          const groups = [...Map.groupBy(results, ({ team: of, session_id: id }) => JSON.stringify([of, id]))];
          const rows = groups
            .map(([key, of]) => ({ key, id: of[0]?.session_id ?? '', team: of[0]?.team ?? '', sum: sumResults(of) }))
            .sort((a, b) => Number(b.sum.cost - a.sum.cost));
          if (rows.length === 0) {
            return (
              <Empty title="No session in this time.">
                <p>
                  A call names its session with the header <code>x-metertap-session-id</code>.
                </p>
              </Empty>
            );
          }
          return (
            <Table
              id="sessions"
              caption="Sessions; the figures are those of this time"
              rows={rows}
              keyOf={({ key }) => key}
              columns={[
                { head: 'Session', names: true, cell: (row) => <SessionLink team={row.team} id={row.id} /> },
                ...(isAdmin() ? [{ head: 'Team', cell: (row: { team: string }) => row.team }] : []),
                { head: 'Calls', numeric: true, cell: ({ sum }) => <Count value={sum.requests} /> },
                { head: 'Tokens', numeric: true, cell: ({ sum }) => <Count value={sum.tokens} /> },
                { head: 'Cached', numeric: true, cell: ({ sum }) => <Share part={sum.cached} of={sum.input} /> },
                { head: 'Cost', numeric: true, cell: ({ sum }) => <Money usd={sum.cost} complete={sum.isComplete} /> },
              ]}
            />
          );
        }}
      </Answered>
    </>
  );
}
