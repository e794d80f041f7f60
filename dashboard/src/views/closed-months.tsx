import { useSignal } from '@preact/signals';
import { type StatementEntry, statementsAnswer } from '../api/answers.ts';
import { usePages } from '../api/pages.ts';
import { changeJson } from '../api/request.ts';
import { mayChange } from '../api/session.ts';
import { anything } from '../api/shape.ts';
import { More } from '../parts/more.tsx';
import { Answered, Badge } from '../parts/states.tsx';
import { Table } from '../parts/table.tsx';
import { Money } from '../parts/values.tsx';

/** The statements of every team and month: as pages to print, as files, and to be closed for good. */
export function ClosedMonths({ team }: { readonly team: string | null }) {
  const statements = usePages('/statements', { team, limit: 50 }, statementsAnswer);
  return (
    <section class="card not-printed" aria-labelledby="statements-head">
      <h2 id="statements-head">Statements by team and month</h2>
      <Answered answer={statements}>
        {({ data }) =>
          data.length === 0 ? (
            <p class="hint">No team has made a call yet.</p>
          ) : (
            <Table
              id="statements"
              caption="Statements, the newest first"
              rows={data}
              keyOf={({ team: of, period }) => `${of}/${period}`}
              columns={[
                { head: 'Month', names: true, cell: ({ period }) => period },
                { head: 'Team', cell: ({ team: of }) => of },
                {
                  head: 'State',
                  cell: ({ state }) => <Badge tone={state === 'closed' ? 'good' : 'plain'}>{state}</Badge>,
                },
                {
                  head: 'Brought over',
                  numeric: true,
                  cell: (row) => <Money usd={row.opening_balance_usd} />,
                  wide: true,
                },
                { head: 'This month', numeric: true, cell: (row) => <Money usd={row.total_usd} /> },
                { head: 'Balance', numeric: true, cell: (row) => <Money usd={row.closing_balance_usd} /> },
                { head: 'Take', cell: (row) => <Formats of={row} /> },
                ...(mayChange()
                  ? [{ head: 'Close', cell: (row: StatementEntry) => <Close of={row} done={statements.reload} /> }]
                  : []),
              ]}
            />
          )
        }
      </Answered>
      <More more={statements.more} />
    </section>
  );
}

function pathOf({ team, period }: StatementEntry): string {
  return `/api/v1/statements/${encodeURIComponent(team)}/${period}`;
}

function Formats({ of: entry }: { readonly of: StatementEntry }) {
  return (
    <span class="actions">
      {(['html', 'csv', 'json'] as const).map((format) => (
        <a
          key={format}
          href={`${pathOf(entry)}?format=${format}`}
          download={`statement-${entry.team}-${entry.period}.${format}`}
        >
          {format.toUpperCase()}
        </a>
      ))}
    </span>
  );
}

/** Closing is for good, so it is asked for twice. A month that is not over cannot be closed. */
function Close({ of: entry, done }: { readonly of: StatementEntry; readonly done: () => void }) {
  const isAsked = useSignal(false);
  const fault = useSignal<string | null>(null);
  if (entry.state === 'closed') return <span class="faint">by {entry.closed_by}</span>;
  if (entry.period >= new Date().toISOString().slice(0, 7)) return <span class="faint">not over</span>;
  const close = async () => {
    try {
      await changeJson('POST', `${pathOf(entry)}/close`, { shape: anything });
      done();
    } catch (error) {
      fault.value = error instanceof Error ? error.message : String(error);
    }
  };
  return (
    <span class="actions">
      {isAsked.value ? (
        <button type="button" class="danger" onClick={close}>
          Close it for good
        </button>
      ) : (
        <button
          type="button"
          onClick={() => (isAsked.value = true)}
          aria-label={`Close ${entry.period} of ${entry.team}`}
        >
          Close
        </button>
      )}
      {fault.value === null ? null : (
        <span class="fault" role="alert">
          {fault.value}
        </span>
      )}
    </span>
  );
}
