import type { UsageBucket } from '../api/answers.ts';
import { type Dimension, nameIn, sumResults, sumsBy, type UsageSum } from '../api/usage-sums.ts';
import { COLOURS } from '../charts/palette.ts';
import { largest, type Series } from '../charts/stack.ts';
import { TimeChart } from '../charts/time-chart.tsx';
import { axisUsd, shortUsd, usdNumber } from '../format/money.ts';
import { compact } from '../format/numbers.ts';
import { dateTime, utcDay } from '../format/times.ts';
import { zoomTo } from '../parts/range-picker.tsx';
import { Empty } from '../parts/states.tsx';
import { Table } from '../parts/table.tsx';
import { Link } from '../routing/link.tsx';
import { viewPath } from '../routing/location.ts';
import type { TimeRange } from '../routing/range.ts';
import type { Measure } from './overview-choices.ts';

interface OverTimeProps {
  readonly buckets: readonly UsageBucket[];
  readonly before: readonly UsageBucket[] | null;
  readonly measure: Measure;
  readonly by: Dimension;
  readonly range: TimeRange;
}

/** Bars of one measure over time, by one dimension, and the same figures as a table. */
export function OverTime({ buckets, before, measure, by, range }: OverTimeProps) {
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
