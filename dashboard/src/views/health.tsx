import { useAnswer } from '../api/answer.ts';
import { type CallRecord, recordsAnswer, type Status, statusAnswer, usageAnswer } from '../api/answers.ts';
import { apiPath } from '../api/request.ts';
import { isAdmin } from '../api/session.ts';
import { allResults, nameIn, sumResults, sumsBy } from '../api/usage-sums.ts';
import { COLOURS } from '../charts/palette.ts';
import { largest } from '../charts/stack.ts';
import { TimeChart } from '../charts/time-chart.tsx';
import { compact, percent, plural } from '../format/numbers.ts';
import { clockTime, dateTime, duration, utcDay } from '../format/times.ts';
import { now } from '../parts/now.ts';
import { RangePicker, zoomTo } from '../parts/range-picker.tsx';
import { Answered, Badge } from '../parts/states.tsx';
import { Table } from '../parts/table.tsx';
import { Count, Moment, Share } from '../parts/values.tsx';
import { rangeQuery, readRange, type TimeRange, usageRange } from '../routing/range.ts';

/** Whether it works: what is wrong and what to do about it, upstreams, errors, times. */
export function Health() {
  const range = readRange(now.value);
  const status = useAnswer(`${apiPath('/status')}`, statusAnswer, { live: true });
  const usage = useAnswer(
    apiPath('/usage', { ...usageRange(range), bucket: range.bucket, group_by: 'upstream' }),
    usageAnswer,
    { live: true },
  );
  return (
    <>
      <div class="view-head">
        <h1>Health</h1>
        <div class="controls">
          <RangePicker range={range} />
        </div>
      </div>
      <Answered answer={status}>
        {(data) => (
          <>
            <Warnings status={data} range={range} />
            <Facts status={data} />
          </>
        )}
      </Answered>
      <Answered answer={usage}>
        {({ data }) => {
          const upstreams = sumsBy(data, 'upstream');
          const times = data.map(({ start_time: start }) => Date.parse(start) / 1000);
          const failed = upstreams.map(({ name }) => ({
            name,
            values: data.map(
              ({ results }) => sumResults(results.filter((one) => nameIn(one, 'upstream') === name)).failed,
            ),
          }));
          const rows = times.flatMap((time, index) => {
            const counts = failed.map(({ values }) => values[index] ?? 0);
            return counts.some((count) => count > 0) ? [{ time, counts }] : [];
          });
          const formatTime = (seconds: number) =>
            range.bucket === '1d' ? `${utcDay(seconds * 1000)} (UTC)` : dateTime(seconds * 1000);
          return (
            <>
              <section class="card" aria-labelledby="upstreams-head">
                <h2 id="upstreams-head">Upstreams</h2>
                <Table
                  id="upstreams"
                  caption="Upstreams, and how calls to them ended in the time chosen above"
                  rows={upstreamRows(upstreams, status.data)}
                  keyOf={({ name }) => name}
                  columns={[
                    { head: 'Upstream', names: true, cell: ({ name }) => name },
                    { head: 'At', cell: ({ origin }) => origin ?? '–', wide: true },
                    { head: 'Calls', numeric: true, cell: ({ sum }) => <Count value={sum.requests} /> },
                    { head: 'Failed', numeric: true, cell: ({ sum }) => <Count value={sum.failed} /> },
                    {
                      head: 'Share',
                      numeric: true,
                      cell: ({ sum }) => <Share part={sum.failed} of={sum.requests + sum.failed} />,
                    },
                    { head: 'Without usage', numeric: true, cell: ({ sum }) => <Count value={sum.missing} /> },
                  ]}
                />
              </section>
              <section class="card" aria-labelledby="errors-head">
                <h2 id="errors-head">Failed calls</h2>
                <p class="hint">Calls that ended in an upstream's error, a cut or a timeout, without usage.</p>
                {rows.length === 0 ? (
                  <p>None in this time.</p>
                ) : (
                  <>
                    <TimeChart
                      times={times}
                      series={largest(failed, COLOURS)}
                      kind="bars"
                      format={compact}
                      isCount
                      formatTime={formatTime}
                      utc={range.bucket === '1d'}
                      label="Stacked bars of failed calls by upstream; the table below has the same figures"
                      onZoom={zoomTo}
                    />
                    <details class="figures">
                      <summary>Show as a table</summary>
                      <Table
                        caption="Failed calls by upstream over time"
                        rows={rows}
                        keyOf={({ time }) => String(time)}
                        columns={[
                          { head: 'From', names: true, cell: ({ time }) => formatTime(time) },
                          ...failed.map(({ name }, index) => ({
                            head: name,
                            numeric: true,
                            cell: ({ counts }: { counts: readonly number[] }) => <Count value={counts[index] ?? 0} />,
                          })),
                        ]}
                      />
                    </details>
                  </>
                )}
              </section>
            </>
          );
        }}
      </Answered>
      <Latency range={range} />
    </>
  );
}

interface UpstreamRow {
  readonly name: string;
  readonly origin: string | null;
  readonly sum: ReturnType<typeof sumResults>;
}

/** Configured upstreams, called or not, and those that only the ledger knows. */
function upstreamRows(sums: readonly ReturnType<typeof sumResults>[], status: Status | null): UpstreamRow[] {
  const configured = status?.upstreams ?? [];
  const names = new Set([...configured.map(({ name }) => name), ...sums.map(({ name }) => name)]);
  return [...names].map((name) => ({
    name,
    origin: configured.find((upstream) => upstream.name === name)?.origin ?? null,
    sum: sums.find((sum) => sum.name === name) ?? sumResults([], name),
  }));
}

interface Warning {
  readonly id: string;
  readonly what: string;
  readonly todo: string;
  readonly isBad: boolean;
}

function Warnings({ status, range }: { readonly status: Status; readonly range: TimeRange }) {
  const usage = useAnswer(apiPath('/usage', { ...usageRange(range), bucket: '1d', group_by: 'model' }), usageAnswer, {
    live: true,
  });
  const warnings = [...warningsOfStatus(status), ...warningsOfUsage(usage.data?.data ?? [])];
  return (
    <section
      class={`card quality ${warnings.length === 0 ? 'good' : warnings.some(({ isBad }) => isBad) ? 'bad' : 'warn'}`}
      aria-labelledby="warnings-head"
    >
      <h2 id="warnings-head">{warnings.length === 0 ? 'All is well' : plural(warnings.length, 'warning')}</h2>
      {warnings.length === 0 ? <p>Calls are served, the ledger is being written, and no figure is in doubt.</p> : null}
      <ul class="warnings">
        {warnings.map(({ id, what, todo }) => (
          <li key={id}>
            <strong>{what}</strong> {todo}
          </li>
        ))}
      </ul>
    </section>
  );
}

function warningsOfStatus(status: Status): Warning[] {
  const warnings: Warning[] = status.reasons.map(({ code, message }) => ({
    id: code,
    what: 'Calls are not served.',
    todo: message,
    isBad: true,
  }));
  if (status.configuration?.last_load === 'refused') {
    const todo = 'The one before still holds. The log says what is wrong with the file; mend it and reload.';
    warnings.push({ id: 'configuration', what: 'The last configuration was refused.', todo, isBad: true });
  }
  return warnings;
}

function warningsOfUsage(buckets: Parameters<typeof allResults>[0]): Warning[] {
  const sum = sumResults(allResults(buckets));
  const unpriced = sumsBy(buckets, 'model').filter((one) => one.unpriced > 0);
  const warnings: Warning[] = [];
  if (sum.unpriced > 0) {
    const todo = `Their cost is in no sum. Add a row under prices: for ${unpriced.map(({ name }) => name).join(', ')}.`;
    warnings.push({
      id: 'unpriced',
      what: `${plural(sum.unpriced, 'call')} of models without a price.`,
      todo,
      isBad: false,
    });
  }
  if (sum.missing > 0) {
    const todo =
      'They count as neither tokens nor money. Records with the ending client left or interrupted say which; see stream_usage in the configuration.';
    warnings.push({ id: 'missing', what: `${plural(sum.missing, 'call')} without usage.`, todo, isBad: false });
  }
  if (sum.estimated > 0) {
    const todo =
      'Their upstream told no usage, often because clients left or streams were cut. Their cost is a guess from the text.';
    warnings.push({
      id: 'estimated',
      what: `${plural(sum.estimated, 'call')} with estimated usage.`,
      todo,
      isBad: false,
    });
  }
  const calls = sum.requests + sum.failed;
  if (sum.failed >= 5 && sum.failed / calls > 0.05) {
    const todo = 'See which upstream below, and its status page.';
    warnings.push({ id: 'failed', what: `${percent(sum.failed, calls)} of calls failed.`, todo, isBad: true });
  }
  return warnings;
}

function Facts({ status }: { readonly status: Status }) {
  return (
    <dl class="tiles">
      <div class="tile" id="health-status">
        <dt>Service</dt>
        <dd>
          <Badge tone={status.status === 'ready' ? 'good' : 'bad'}>{status.status.replace('_', ' ')}</Badge>
        </dd>
        <dd class="note">
          {status.version}, {status.auth_mode} mode
        </dd>
      </div>
      <div class="tile">
        <dt>Up for</dt>
        <dd>{duration(Date.parse(status.now) - Date.parse(status.started_at))}</dd>
        <dd class="note">Node.js {status.node_version}</dd>
      </div>
      {status.journal === null ? null : (
        <div class="tile" id="health-journal">
          <dt>Journal</dt>
          <dd>
            <Badge tone={status.journal.state === 'ready' ? 'good' : 'bad'}>{status.journal.state}</Badge>
          </dd>
          <dd class="note">{plural(status.journal.waiting_records, 'record')} on the way</dd>
        </div>
      )}
      {status.open_calls === null ? null : (
        <div class="tile">
          <dt>Open calls</dt>
          <dd>
            <Count value={status.open_calls} />
          </dd>
          <dd class="note">of this process</dd>
        </div>
      )}
      {status.configuration === null ? null : (
        <div class="tile">
          <dt>Configuration</dt>
          <dd>
            <Badge tone={status.configuration.last_load === 'in_force' ? 'good' : 'bad'}>
              {status.configuration.last_load.replace('_', ' ')}
            </Badge>
          </dd>
          <dd class="note">
            since <Moment iso={status.configuration.loaded_at} />
          </dd>
        </div>
      )}
    </dl>
  );
}

const LATEST_CALLS = 1_000;
const LATENCY_POINTS = 40;

/** Times of the latest calls: the usage API has no times, so they come from records, and from no more than these. */
function Latency({ range }: { readonly range: TimeRange }) {
  const answer = useAnswer(
    apiPath('/records', { ...rangeQuery(range), limit: LATEST_CALLS, ending: 'completed' }),
    recordsAnswer,
    { live: true },
  );
  return (
    <section class="card" aria-labelledby="latency-head">
      <h2 id="latency-head">Time that calls take</h2>
      <Answered answer={answer}>
        {({ data }) => {
          const points = latencyPoints(data);
          if (points.length === 0) return <p class="hint">No completed call in this time.</p>;
          const columns = [
            { name: 'whole call, half of them', of: (point: LatencyPoint) => point.p50 },
            { name: 'whole call, 95 of 100', of: (point: LatencyPoint) => point.p95 },
            { name: 'first byte, half of them', of: (point: LatencyPoint) => point.firstByte },
          ];
          return (
            <>
              <p class="hint">
                {data.length === LATEST_CALLS
                  ? `The latest ${LATEST_CALLS} completed calls`
                  : `All ${plural(data.length, 'completed call')}`}{' '}
                of this time. {isAdmin() ? 'Prometheus has all of them, as histograms.' : ''}
              </p>
              {points.length < 2 ? null : (
                <TimeChart
                  times={points.map(({ atMs }) => atMs / 1000)}
                  series={columns.map(({ name, of }, colour) => ({ name, values: points.map(of), colour }))}
                  kind="lines"
                  format={duration}
                  formatTime={(seconds) => `${dateTime(seconds * 1000)}`}
                  label="Lines of call times; the table below has the same figures"
                />
              )}
              <details class="figures" open={points.length < 2}>
                <summary>Show as a table</summary>
                <Table
                  id="latency"
                  caption="Times of calls"
                  rows={points}
                  keyOf={({ atMs }) => String(atMs)}
                  columns={[
                    { head: 'From', names: true, cell: ({ atMs }) => `${dateTime(atMs)} ${clockTime(atMs).slice(-3)}` },
                    { head: 'Calls', numeric: true, cell: ({ calls }) => <Count value={calls} /> },
                    ...columns.map(({ name, of }) => ({
                      head: name,
                      numeric: true,
                      cell: (point: LatencyPoint) => duration(of(point)),
                    })),
                  ]}
                />
              </details>
            </>
          );
        }}
      </Answered>
    </section>
  );
}

interface LatencyPoint {
  readonly atMs: number;
  readonly calls: number;
  readonly p50: number;
  readonly p95: number;
  readonly firstByte: number;
}

function latencyPoints(calls: readonly CallRecord[]): LatencyPoint[] {
  if (calls.length === 0) return [];
  const starts = calls.map((call) => Date.parse(call.started_at));
  const first = Math.min(...starts);
  const width = Math.max(1_000, (Math.max(...starts) + 1 - first) / LATENCY_POINTS);
  const slots = Map.groupBy(calls, (call) => Math.floor((Date.parse(call.started_at) - first) / width));
  return [...slots]
    .sort(([a], [b]) => a - b)
    .map(([slot, of]) => {
      const whole = sorted(of.flatMap((call) => call.duration_ms ?? []));
      const bytes = sorted(of.flatMap((call) => call.ttft_ms ?? []));
      return {
        atMs: first + slot * width,
        calls: of.length,
        p50: quantile(whole, 0.5),
        p95: quantile(whole, 0.95),
        firstByte: quantile(bytes, 0.5),
      };
    });
}

function sorted(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b);
}

/** The value below which a share of the sorted ones lies, nearest rank. */
function quantile(values: readonly number[], share: number): number {
  return values[Math.max(0, Math.ceil(share * values.length) - 1)] ?? 0;
}
