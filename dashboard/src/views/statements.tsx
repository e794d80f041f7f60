import { useAnswer } from '../api/answer.ts';
import { usageAnswer } from '../api/answers.ts';
import { apiPath } from '../api/request.ts';
import { isAdmin } from '../api/session.ts';
import { allResults, costOf, sumResults, sumsBy } from '../api/usage-sums.ts';
import { plural } from '../format/numbers.ts';
import { now } from '../parts/now.ts';
import { Answered, Empty } from '../parts/states.tsx';
import { Table } from '../parts/table.tsx';
import { Count, Money } from '../parts/values.tsx';
import { changeQuery, query } from '../routing/location.ts';
import { ClosedMonths } from './closed-months.tsx';

/** A calendar month of UTC, as bills have it: what each team used of each model, to print or to take away as a file. */
export function Statements() {
  const month =
    /^\d{4}-(?:0[1-9]|1[0-2])$/.exec(query.value.get('month') ?? '')?.[0] ??
    new Date(now.value).toISOString().slice(0, 7);
  const team = query.value.get('team');
  const range = monthRange(month);
  const usage = useAnswer(apiPath('/usage', { ...range, bucket: '1d', group_by: 'team,model', team }), usageAnswer, {
    live: true,
  });
  return (
    <>
      <div class="view-head">
        <h1>What {monthName(month)} cost</h1>
        <div class="controls">
          <label class="picker">
            <span>Month</span>
            <input
              type="month"
              value={month}
              max={new Date(now.value).toISOString().slice(0, 7)}
              onChange={(event) => changeQuery({ month: event.currentTarget.value })}
            />
          </label>
          <button type="button" onClick={() => globalThis.print()}>
            Print
          </button>
        </div>
      </div>
      <Answered answer={usage}>
        {({ data }) => {
          const results = allResults(data);
          if (results.length === 0) return <Empty title="No calls in this month." />;
          const total = sumResults(results);
          const teams = sumsBy(data, 'team');
          return (
            <>
              <p class="statement-total">
                <Money usd={total.cost} complete={total.isComplete} />{' '}
                <span>for {plural(total.requests, 'call')}, in US dollars, days of UTC</span>
              </p>
              {teams.map((one) => {
                const days = data.map((bucket) => ({
                  ...bucket,
                  results: bucket.results.filter((result) => result.team === one.name),
                }));
                return (
                  <section class="card" key={one.name} aria-label={`Team ${one.name}`}>
                    <div class="card-head">
                      <h2>{one.name}</h2>
                      <b>
                        <Money usd={one.cost} complete={one.isComplete} />
                      </b>
                    </div>
                    <Table
                      caption={`What ${one.name} used, by model`}
                      rows={sumsBy(days, 'model')}
                      keyOf={({ name }) => name}
                      columns={[
                        { head: 'Model', names: true, cell: ({ name }) => name },
                        { head: 'Calls', numeric: true, cell: (row) => <Count value={row.requests} /> },
                        { head: 'Input', numeric: true, cell: (row) => <Count value={row.input} /> },
                        { head: 'of it cached', numeric: true, cell: (row) => <Count value={row.cached} /> },
                        { head: 'Output', numeric: true, cell: (row) => <Count value={row.output} /> },
                        {
                          head: 'Cost',
                          numeric: true,
                          cell: (row) => <Money usd={costOf(row)} complete={row.isComplete} />,
                        },
                      ]}
                    />
                    {one.missing + one.estimated + one.unpriced === 0 ? null : (
                      <p class="hint">
                        Not whole: {one.missing} calls without usage, {one.estimated} estimated (in the cost),{' '}
                        {one.unpriced} without a price.
                      </p>
                    )}
                  </section>
                );
              })}
            </>
          );
        }}
      </Answered>
      <ClosedMonths team={team} />
      <Files range={range} month={month} team={team} />
    </>
  );
}

interface FilesProps {
  readonly range: { readonly start_time: string; readonly end_time: string };
  readonly month: string;
  readonly team: string | null;
}

const FORMATS = [
  { id: 'csv', label: 'CSV', what: 'a row for each call, for a spreadsheet' },
  { id: 'jsonl', label: 'JSON lines', what: 'each record as the API gives it' },
  { id: 'focus', label: 'FOCUS', what: 'the FinOps cost and usage format' },
] as const;

function Files({ range, month, team }: FilesProps) {
  return (
    <section class="card not-printed" aria-labelledby="files">
      <h2 id="files">Records of {monthName(month)} as a file</h2>
      <ul class="files">
        {FORMATS.map(({ id, label, what }) => (
          <li key={id}>
            <a
              class="button"
              href={apiPath('/export', { ...range, format: id, team: isAdmin() ? team : null })}
              download
            >
              {label}
            </a>{' '}
            <span class="faint">{what}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function monthRange(month: string): { start_time: string; end_time: string } {
  const [year = 0, number = 1] = month.split('-').map(Number);
  return { start_time: String(Date.UTC(year, number - 1) / 1000), end_time: String(Date.UTC(year, number) / 1000) };
}

function monthName(month: string): string {
  return new Date(`${month}-01T00:00:00Z`).toLocaleDateString('en-GB', {
    month: 'long',
    year: 'numeric',
    timeZone: 'UTC',
  });
}
