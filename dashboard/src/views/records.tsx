import type { ComponentChildren } from 'preact';
import { type CallRecord, recordsAnswer } from '../api/answers.ts';
import { usePages } from '../api/pages.ts';
import { isAdmin } from '../api/session.ts';
import { secondOf } from '../format/times.ts';
import { RecordLink, RunLink } from '../parts/links.tsx';
import { More } from '../parts/more.tsx';
import { now } from '../parts/now.ts';
import { RangePicker } from '../parts/range-picker.tsx';
import { Answered, Empty, Ending } from '../parts/states.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Count, Money, Span } from '../parts/values.tsx';
import { changeQuery, query } from '../routing/location.ts';
import { rangeQuery, readRange } from '../routing/range.ts';

const ENDINGS = [
  'completed',
  'client_left',
  'upstream_cut',
  'upstream_error',
  'timed_out',
  'interrupted',
  'in_flight',
  'queued',
];
const FILTERS = [
  { name: 'run_id', label: 'Run' },
  { name: 'session_id', label: 'Session' },
  { name: 'key_id', label: 'Key' },
  { name: 'model', label: 'Model' },
] as const;
const TEAM_FILTER = { name: 'team', label: 'Team' } as const;

const COLUMNS: readonly Column<CallRecord>[] = [
  { head: 'Began', names: true, cell: (call) => <RecordLink id={call.id} text={secondOf(call.started_at)} /> },
  { head: 'Key', cell: (call) => <Two first={call.key_id} second={isAdmin() ? call.team : null} /> },
  {
    head: 'Run',
    cell: (call) => (
      <Two first={call.run_id === null ? '–' : <RunLink team={call.team} id={call.run_id} />} second={call.agent} />
    ),
  },
  {
    head: 'Model',
    cell: (call) => <Two first={call.response_model ?? call.request_model ?? '–'} second={call.endpoint} />,
  },
  { head: 'Ending', cell: (call) => <Ending ending={call.ending} /> },
  { head: 'Took', numeric: true, cell: (call) => <Span ms={call.duration_ms} /> },
  { head: 'Input', numeric: true, cell: (call) => tokens(call, 'input_tokens') },
  { head: 'Cached', numeric: true, cell: (call) => tokens(call, 'cache_read_tokens') },
  { head: 'Output', numeric: true, cell: (call) => tokens(call, 'output_tokens') },
  {
    head: 'Cost',
    numeric: true,
    cell: (call) =>
      call.usage === null ? '' : <Money usd={call.cost_usd} complete={call.usage_source === 'reported'} />,
  },
];

function Two({ first, second }: { readonly first: ComponentChildren; readonly second: string | null }) {
  return (
    <>
      {first}
      {second === null ? null : <span class="faint sub">{second}</span>}
    </>
  );
}

function tokens(call: CallRecord, name: 'input_tokens' | 'cache_read_tokens' | 'output_tokens') {
  if (call.usage === null && call.ended_at === null) return '';
  return (
    <>
      {call.usage_source === 'estimated' ? <abbr title="estimated">≈</abbr> : null}
      <Count value={call.usage?.[name] ?? null} />
    </>
  );
}

/** The ledger itself, the newest call first. */
export function Records() {
  const range = readRange(now.value);
  const filters = isAdmin() ? [TEAM_FILTER, ...FILTERS] : FILTERS;
  const given = Object.fromEntries(
    [...filters.map(({ name }) => name), 'ending'].map((name) => [name, query.value.get(name)]),
  );
  const isNarrowed = Object.values(given).some((value) => value !== null);
  const hasRange = ['range', 'start'].some((name) => query.value.has(name));
  const records = usePages('/records', { ...given, ...(hasRange ? rangeQuery(range) : {}), limit: 100 }, recordsAnswer);
  return (
    <>
      <div class="view-head">
        <h1>Records</h1>
        <div class="controls">
          <RangePicker range={hasRange ? range : { ...range, preset: 'all' }} />
          {hasRange ? (
            <button type="button" class="quiet" onClick={() => changeQuery({ range: null, start: null, end: null })}>
              All time
            </button>
          ) : null}
        </div>
      </div>
      <form
        class="filters"
        key={JSON.stringify(given)}
        onSubmit={(event) => {
          event.preventDefault();
          const typed = new FormData(event.currentTarget);
          changeQuery(Object.fromEntries([...typed].map(([name, value]) => [name, String(value).trim()])));
        }}
      >
        {filters.map(({ name, label }) => (
          <label key={name}>
            <span>{label}</span>
            <input name={name} defaultValue={given[name] ?? ''} />
          </label>
        ))}
        <label>
          <span>Ending</span>
          <select name="ending" defaultValue={given['ending'] ?? ''}>
            <option value="">any</option>
            {ENDINGS.map((ending) => (
              <option key={ending} value={ending}>
                {ending.replaceAll('_', ' ')}
              </option>
            ))}
          </select>
        </label>
        <button type="submit">Narrow</button>
        {isNarrowed ? (
          <button
            type="button"
            class="quiet"
            onClick={() => changeQuery(Object.fromEntries(Object.keys(given).map((name) => [name, null])))}
          >
            Clear
          </button>
        ) : null}
      </form>
      <Answered answer={records}>
        {({ data }) =>
          data.length === 0 ? (
            <Empty title="No record fits.">
              <p>
                {isNarrowed || hasRange
                  ? 'Take a filter away, or choose a longer range.'
                  : 'Records appear with the first call.'}
              </p>
            </Empty>
          ) : (
            <Table
              id="records"
              caption="Records, the newest first"
              columns={COLUMNS}
              rows={data}
              keyOf={({ id }) => id}
            />
          )
        }
      </Answered>
      <More more={records.more} />
    </>
  );
}
