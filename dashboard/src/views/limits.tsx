import { useAnswer } from '../api/answer.ts';
import { type Limit, limitsAnswer } from '../api/answers.ts';
import { apiPath } from '../api/request.ts';
import { nanoUsd, usdNumber } from '../format/money.ts';
import { percent } from '../format/numbers.ts';
import { dateTime } from '../format/times.ts';
import { Answered } from '../parts/states.tsx';
import { Table } from '../parts/table.tsx';
import { Count, Money } from '../parts/values.tsx';

const MOST_LIMITS = 200;

interface LimitsProps {
  /** With the limits of this run, and nothing where it has none. */
  readonly run?: { readonly id: string; readonly team: string };
}

/** What may be used, as bars of what is used, what calls that are open hold, and what is left. */
export function Limits({ run }: LimitsProps) {
  const asked = run === undefined ? {} : { run_id: run.id, team: run.team };
  const limits = useAnswer(apiPath('/limits', { limit: MOST_LIMITS, ...asked }), limitsAnswer, { live: true });
  const all = limits.data?.data ?? [];
  const shown = run === undefined ? all : all.filter(({ run_id: id }) => id !== null);
  if (run !== undefined && shown.length === 0) return null;
  return (
    <section class="card" aria-labelledby="limits-head">
      <h2 id="limits-head">Limits</h2>
      <Answered answer={limits}>
        {() =>
          shown.length === 0 ? (
            <p class="hint">
              No limit is set. Give a key a budget below, or write <code>limits:</code> of a team or key into the
              configuration.
            </p>
          ) : (
            <Table
              id="limits"
              caption="Limits, and how much of them is used"
              rows={shown}
              keyOf={keyOf}
              columns={[
                { head: 'Of', names: true, cell: (limit) => <Subject of={limit} /> },
                { head: 'Limit', cell: ({ rule }) => rule },
                { head: 'Used, held, left', class: 'bar-column', cell: (limit) => <Bar of={limit} /> },
                { head: 'Used', numeric: true, cell: (limit) => <Amount of={limit} value={limit.used} /> },
                { head: 'Held', numeric: true, cell: (limit) => <Amount of={limit} value={limit.held} /> },
                { head: 'Left', numeric: true, cell: (limit) => <Amount of={limit} value={limit.remaining} /> },
                { head: 'Resets', cell: ({ resets_at: at }) => (at === null ? '–' : dateTime(at)), wide: true },
              ]}
            />
          )
        }
      </Answered>
    </section>
  );
}

function keyOf(limit: Limit): string {
  const { rule, team, key_id: key, run_id: run, session_id: session, user, model } = limit;
  return JSON.stringify([rule, team, key, run, session, user, model, limit.limit]);
}

function Subject({ of: limit }: { readonly of: Limit }) {
  const { team, key_id: key, run_id: run, session_id: session, user, model } = limit;
  const narrower = [key, run, session, user, model].filter((name) => name !== null);
  return (
    <>
      {narrower.length === 0 ? team : narrower.join(' · ')}
      <span class="faint sub">
        {limit.scope}
        {narrower.length === 0 ? '' : ` of ${team}`}
      </span>
    </>
  );
}

function Amount({ of: limit, value }: { readonly of: Limit; readonly value: string | number }) {
  return typeof value === 'string' && limit.measure === 'budget_usd' ? (
    <Money usd={value} />
  ) : (
    <Count value={Number(value)} />
  );
}

function Bar({ of: limit }: { readonly of: Limit }) {
  const number = (value: string | number) => (typeof value === 'number' ? value : usdNumber(nanoUsd(value)));
  const most = number(limit.limit);
  const used = most === 0 ? 1 : Math.min(1, number(limit.used) / most);
  const held = most === 0 ? 0 : Math.min(1 - used, number(limit.held) / most);
  const tone = used >= 1 ? 'bad' : used + held >= 0.8 ? 'warn' : 'good';
  return (
    <span class="limit">
      <span class={`limit-track ${tone}`} aria-hidden="true">
        <span class="limit-used" style={{ width: `${100 * used}%` }} />
        <span class="limit-held" style={{ width: `${100 * held}%` }} />
      </span>
      <span class="num">
        {percent(number(limit.used), most)} of <Amount of={limit} value={limit.limit} />
      </span>
    </span>
  );
}
