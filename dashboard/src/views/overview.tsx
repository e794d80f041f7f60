import { useAnswer } from '../api/answer.ts';
import { recordsAnswer, runsAnswer, type UsageBucket, usageAnswer } from '../api/answers.ts';
import { changes } from '../api/live.ts';
import { apiPath } from '../api/request.ts';
import { isAdmin } from '../api/session.ts';
import { allResults, costOf, type Dimension, nameIn, sumResults, sumsBy, type UsageSum } from '../api/usage-sums.ts';
import { COLOURS } from '../charts/palette.ts';
import { largest, type Series } from '../charts/stack.ts';
import { TimeChart } from '../charts/time-chart.tsx';
import { axisUsd, shortUsd, usdNumber } from '../format/money.ts';
import { compact, percent, plural } from '../format/numbers.ts';
import { dateTime, utcDay } from '../format/times.ts';
import { Choice, Picker } from '../parts/choice.tsx';
import { now } from '../parts/now.ts';
import { RangePicker, zoomTo } from '../parts/range-picker.tsx';
import { Answered, Empty } from '../parts/states.tsx';
import { Table } from '../parts/table.tsx';
import { Count, Money, Share } from '../parts/values.tsx';
import { Link } from '../routing/link.tsx';
import { changeQuery, query, viewPath } from '../routing/location.ts';
import { previousRange, rangeQuery, readRange, type TimeRange, usageRange } from '../routing/range.ts';
import { FirstCall } from './start.tsx';

type Measure = 'cost' | 'tokens' | 'calls';

const MEASURES: readonly { readonly id: Measure; readonly label: string }[] = [
  { id: 'cost', label: 'Cost' },
  { id: 'tokens', label: 'Tokens' },
  { id: 'calls', label: 'Calls' },
];
const GROUPS: readonly { readonly id: Dimension; readonly label: string }[] = [
  { id: 'team', label: 'Team' },
  { id: 'model', label: 'Model' },
  { id: 'agent', label: 'Agent' },
  { id: 'key_id', label: 'Key' },
  { id: 'endpoint', label: 'Endpoint' },
];

/** What was used and spent, by whom, and how sure that is. Before the first call: how to make it. */
export function Overview() {
  const first = useAnswer(apiPath('/records', { limit: 1 }), recordsAnswer, { live: changes.value < 2 });
  if (first.data !== null && first.data.data.length === 0) return <FirstCall />;
  return <Books />;
}

function Books() {
  const range = readRange(now.value);
  const measure = MEASURES.find(({ id }) => id === query.value.get('measure'))?.id ?? 'cost';
  const groups = isAdmin() ? GROUPS : GROUPS.filter(({ id }) => id !== 'team');
  const by = groups.find(({ id }) => id === query.value.get('by'))?.id ?? groups[0]?.id ?? 'model';
  const team = query.value.get('team');
  const asked = { ...usageRange(range), bucket: range.bucket, team };
  const usage = useAnswer(apiPath('/usage', { ...asked, group_by: by }), usageAnswer, { live: true });
  const before = useAnswer(apiPath('/usage', { ...asked, ...rangeQuery(previousRange(range)) }), usageAnswer);

  return (
    <>
      <div class="view-head">
        <h1>Overview</h1>
        <div class="controls">
          {isAdmin() ? <TeamPicker range={range} team={team} /> : null}
          <RangePicker range={range} />
        </div>
      </div>
      <Answered answer={usage}>
        {({ data }) => (
          <>
            <Tiles
              sum={sumResults(allResults(data))}
              before={before.data === null ? null : sumResults(allResults(before.data.data))}
            />
            <section class="card" aria-labelledby="over-time">
              <div class="card-head">
                <h2 id="over-time">
                  {MEASURES.find(({ id }) => id === measure)?.label} by{' '}
                  {GROUPS.find(({ id }) => id === by)?.label.toLowerCase()}
                </h2>
                <div class="controls">
                  <Choice
                    label="Measure"
                    options={MEASURES}
                    chosen={measure}
                    onChoose={(id) => changeQuery({ measure: id })}
                  />
                  <Picker label="By" options={groups} chosen={by} onChoose={(id) => changeQuery({ by: id })} />
                </div>
              </div>
              <OverTime buckets={data} before={before.data?.data ?? null} measure={measure} by={by} range={range} />
            </section>
            <Quality sum={sumResults(allResults(data))} range={range} team={team} />
          </>
        )}
      </Answered>
      <div class="columns">
        {isAdmin() && team === null ? <Top dimension="team" title="Top teams" range={range} team={team} /> : null}
        <Top dimension="model" title="Top models" range={range} team={team} />
        <Top dimension="agent" title="Top agents" range={range} team={team} />
        <TopRuns range={range} team={team} />
      </div>
    </>
  );
}

function TeamPicker({ range, team }: { readonly range: TimeRange; readonly team: string | null }) {
  const path = apiPath('/usage', { ...usageRange(range), bucket: '1d', group_by: 'team' });
  const teams = useAnswer(path, usageAnswer);
  const names = new Set(sumsBy(teams.data?.data ?? [], 'team').map(({ name }) => name));
  if (team !== null) names.add(team);
  const options = [{ id: '', label: 'All teams' }, ...[...names].sort().map((name) => ({ id: name, label: name }))];
  return <Picker label="Team" options={options} chosen={team ?? ''} onChoose={(id) => changeQuery({ team: id })} />;
}

function Tiles({ sum, before }: { readonly sum: UsageSum; readonly before: UsageSum | null }) {
  return (
    <dl class="tiles" aria-live="polite">
      <div class="tile" id="tile-cost">
        <dt>Cost</dt>
        <dd>
          <Money usd={sum.cost} complete={sum.isComplete} />
        </dd>
        <Change now={usdNumber(sum.cost)} before={before === null ? null : usdNumber(before.cost)} />
        {sum.corrections === 0n ? null : (
          <dd class="note">
            <Money usd={sum.cost + sum.corrections} /> with corrections
          </dd>
        )}
      </div>
      <div class="tile" id="tile-tokens">
        <dt>Tokens</dt>
        <dd>
          <Count value={sum.tokens} short />
        </dd>
        <Change now={sum.tokens} before={before?.tokens ?? null} />
        <dd class="note">
          {compact(sum.input)} in · {compact(sum.output)} out
        </dd>
      </div>
      <div class="tile" id="tile-calls">
        <dt>Calls</dt>
        <dd>
          <Count value={sum.requests} short />
        </dd>
        <Change now={sum.requests} before={before?.requests ?? null} />
        <dd class="note">{plural(sum.toolCalls, 'tool call')}</dd>
      </div>
      <div class="tile" id="tile-cached">
        <dt>Input from a cache</dt>
        <dd>
          <Share part={sum.cached} of={sum.input} />
        </dd>
        <dd class="note">
          {before === null || before.input === 0 ? '' : `${percent(before.cached, before.input)} in the period before`}
        </dd>
      </div>
      <div class="tile" id="tile-failed">
        <dt>Failed calls</dt>
        <dd>
          <Share part={sum.failed} of={sum.requests + sum.failed} />
        </dd>
        <dd class="note">
          {plural(sum.failed, 'call')} without usage
          {sum.retries === 0 ? '' : ` · ${plural(sum.retries, 'retry').replace('retrys', 'retries')} by clients`}
        </dd>
      </div>
    </dl>
  );
}

/** How much more or less than in the period before. */
function Change({ now: current, before }: { readonly now: number; readonly before: number | null }) {
  if (before === null) return <dd class="note">&nbsp;</dd>;
  if (before === 0) return <dd class="note">nothing in the period before</dd>;
  const change = (current - before) / before;
  const sign = change > 0 ? '▲' : change < 0 ? '▼' : '';
  return (
    <dd class="note">
      <span aria-hidden="true">{sign}</span>
      <span class="visually-hidden">{change > 0 ? 'up' : 'down'}</span>{' '}
      {Math.abs(change) > 9.99 ? '>999' : Math.round(Math.abs(change) * 100)}% on the period before
    </dd>
  );
}

interface OverTimeProps {
  readonly buckets: readonly UsageBucket[];
  readonly before: readonly UsageBucket[] | null;
  readonly measure: Measure;
  readonly by: Dimension;
  readonly range: TimeRange;
}

function OverTime({ buckets, before, measure, by, range }: OverTimeProps) {
  const names = sumsBy(buckets, by).map(({ name }) => name);
  if (names.length === 0) {
    return (
      <Empty title="No calls in this time.">
        <p>
          Choose a longer range, or <Link to={viewPath(['start'])}>connect a client</Link>.
        </p>
      </Empty>
    );
  }
  const times = buckets.map(({ start_time }) => Date.parse(start_time) / 1000);
  const all: Omit<Series, 'colour'>[] = names.map((name) => ({
    name,
    values: buckets.map(({ results }) =>
      measured(sumResults(results.filter((one) => nameIn(one, by) === name)), measure),
    ),
  }));
  const series = largest(all, COLOURS);
  const previous =
    before === null ? null : times.map((_, index) => measured(sumResults(before[index]?.results ?? []), measure));
  const format = (value: number) => (measure === 'cost' ? shortUsd(BigInt(Math.round(value * 1e9))) : compact(value));
  const formatTime = (seconds: number) =>
    range.bucket === '1d' ? `${utcDay(seconds * 1000)} (UTC)` : dateTime(seconds * 1000);
  const rows = times
    .map((time, index) => ({ time, index }))
    .filter(({ index }) => series.some(({ values }) => (values[index] ?? 0) > 0));
  return (
    <>
      <TimeChart
        times={times}
        series={series}
        kind="bars"
        previous={previous?.some((value) => value > 0) ? previous : null}
        format={format}
        formatAxis={measure === 'cost' ? axisUsd : compact}
        formatTime={formatTime}
        isCount={measure !== 'cost'}
        utc={range.bucket === '1d'}
        label={`Stacked bars of ${measure} by ${by}; the table below has the same figures`}
        onZoom={zoomTo}
      />
      <details class="figures">
        <summary>Show as a table</summary>
        <Table
          caption={`${measure} by ${by} over time`}
          columns={[
            { head: range.bucket === '1d' ? 'Day (UTC)' : 'From', names: true, cell: ({ time }) => formatTime(time) },
            ...series.map(({ name, values }) => ({
              head: name,
              numeric: true,
              cell: ({ index }: { index: number }) => format(values[index] ?? 0),
            })),
          ]}
          rows={rows}
          keyOf={({ time }) => String(time)}
        />
      </details>
    </>
  );
}

function measured(sum: UsageSum, measure: Measure): number {
  if (measure === 'cost') return usdNumber(sum.cost);
  return measure === 'tokens' ? sum.tokens : sum.requests;
}

interface QualityProps {
  readonly sum: UsageSum;
  readonly range: TimeRange;
  readonly team: string | null;
}

/** What the figures above do not hold, so that nobody takes them for more than they are. */
function Quality({ sum, range, team }: QualityProps) {
  const path = apiPath('/usage', { ...usageRange(range), bucket: '1d', group_by: 'model', team });
  const models = useAnswer(sum.unpriced > 0 ? path : null, usageAnswer, { live: true });
  const unpriced = sumsBy(models.data?.data ?? [], 'model').filter((one) => one.unpriced > 0);
  const isWhole = sum.missing + sum.estimated + sum.unpriced === 0;
  return (
    <section class={`card quality ${isWhole ? 'good' : 'warn'}`} aria-labelledby="quality">
      <h2 id="quality">{isWhole ? 'Nothing is missing from these figures' : 'What is not in these figures'}</h2>
      {isWhole ? (
        <p>The usage of every call that did not fail was reported by its upstream, and every model has a price.</p>
      ) : null}
      {isWhole ? null : (
        <dl>
          <div>
            <dt>Missing</dt>
            <dd id="quality-missing">{plural(sum.missing, 'call')}</dd>
            <dd class="why">ended without known usage; they count as neither tokens nor money.</dd>
          </div>
          <div>
            <dt>Estimated</dt>
            <dd id="quality-estimated">{plural(sum.estimated, 'call')}</dd>
            <dd class="why">
              no usage was reported; their estimated cost is in the cost, their tokens are not in the tokens.
            </dd>
          </div>
          <div>
            <dt>Unpriced</dt>
            <dd id="quality-unpriced">{plural(sum.unpriced, 'call')}</dd>
            <dd class="why">
              {unpriced.length === 0 ? (
                'no model without a price was called.'
              ) : (
                <>
                  no price is known for {unpriced.map(({ name }) => name).join(', ')}; add a row under{' '}
                  <code>prices:</code>.
                </>
              )}
            </dd>
          </div>
        </dl>
      )}
    </section>
  );
}

interface TopProps {
  readonly dimension: Dimension;
  readonly title: string;
  readonly range: TimeRange;
  readonly team: string | null;
}

const TOP_ROWS = 6;

function Top({ dimension, title, range, team }: TopProps) {
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

function TopRuns({ range, team }: { readonly range: TimeRange; readonly team: string | null }) {
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
