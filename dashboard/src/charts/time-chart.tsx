import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { axisTime } from '../format/times.ts';
import { theme } from '../parts/theme.ts';
import { canvasColour, colourClass } from './palette.ts';
import { type Series, stack } from './stack.ts';

export interface TimeChartProps {
  /** Starts of the buckets, in Unix seconds. */
  readonly times: readonly number[];
  readonly series: readonly Series[];
  /** Stacked bars of amounts, or lines of what cannot be added up. */
  readonly kind: 'bars' | 'lines';
  /** The sum of the period before, moment by moment. */
  readonly previous?: readonly number[] | null;
  readonly format: (value: number) => string;
  /** Shorter, for the axis; the same where it is not given. */
  readonly formatAxis?: (value: number) => string;
  readonly formatTime: (seconds: number) => string;
  /** What is drawn, for those who do not see it; the figures are in the table beside. */
  readonly label: string;
  /** Called with a range in Unix seconds when one is brushed. */
  readonly onZoom?: (startSeconds: number, endSeconds: number) => void;
  readonly utc?: boolean;
  /** Values are counts: the axis has no halves. */
  readonly isCount?: boolean;
}

const HEIGHT = 240;

/** A chart over time on a canvas. It is a picture only: whoever draws one puts its table beside it. */
export function TimeChart(props: TimeChartProps) {
  const host = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState<number | null>(null);
  const { times, series, previous } = props;

  useEffect(() => {
    const element = host.current;
    if (element === null) return undefined;
    const plot = new uPlot(optionsOf(props, element, setAt), dataOf(props), element);
    const watcher = new ResizeObserver(() => {
      if (element.clientWidth > 0) plot.setSize({ width: element.clientWidth, height: HEIGHT });
    });
    watcher.observe(element);
    return () => {
      watcher.disconnect();
      plot.destroy();
    };
  }, [times, series, previous, props.kind, theme.value]);

  return (
    <div class="chart">
      <div class="chart-canvas" ref={host} role="img" aria-label={props.label} />
      <Legend {...props} at={at} />
    </div>
  );
}

function Legend({
  times,
  series,
  previous,
  kind,
  format,
  formatTime,
  at,
}: TimeChartProps & { readonly at: number | null }) {
  const shown = (values: readonly number[]) => {
    if (at !== null) return format(values[at] ?? 0);
    return kind === 'bars' ? format(values.reduce((sum, value) => sum + value, 0)) : '';
  };
  const time = at === null ? undefined : times[at];
  return (
    <ul class="legend" aria-hidden="true">
      {series.map((one) => (
        <li key={one.name}>
          <i class={`swatch ${colourClass(one.colour)}`} />
          {one.name} <b>{shown(one.values)}</b>
        </li>
      ))}
      {previous ? (
        <li>
          <i class="swatch dashed" />
          period before <b>{shown(previous)}</b>
        </li>
      ) : null}
      <li class="legend-time">{time === undefined ? '' : formatTime(time)}</li>
    </ul>
  );
}

function dataOf({ times, series, kind, previous }: TimeChartProps): uPlot.AlignedData {
  const drawn = kind === 'bars' ? stack(series) : series.map(({ values }) => [...values]);
  return [[...times], ...drawn, ...(previous ? [[...previous]] : [])];
}

function optionsOf(props: TimeChartProps, element: HTMLElement, setAt: (at: number | null) => void): uPlot.Options {
  const { series, kind, format, onZoom, previous } = props;
  const line = canvasColour(element, 'c-line');
  const faint = canvasColour(element, 'c-faint');
  const ordered = kind === 'bars' ? [...series].reverse() : series;
  const bars = uPlot.paths.bars?.({ size: [0.72, 48], align: 1, radius: 0.08 });
  return {
    width: Math.max(element.clientWidth, 200),
    height: HEIGHT,
    ...(props.utc === true ? { tzDate: (seconds: number) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC') } : {}),
    legend: { show: false },
    padding: [12, 26, 0, 0],
    cursor: {
      y: false,
      points: { show: kind === 'lines' },
      drag: { x: onZoom !== undefined, y: false, setScale: false },
    },
    scales: {
      x: { range: (_plot, min, max) => [min, max + stepOf(props)] },
      y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.08 : 1] },
    },
    axes: [
      {
        stroke: faint,
        grid: { show: false },
        ticks: { stroke: line, size: 4, width: 1 },
        font: FONT,
        values: (_plot, splits, _axis, _space, step) => splits.map((at) => axisTime(at, step, props.utc === true)),
      },
      {
        stroke: faint,
        grid: { stroke: line, width: 1 },
        ticks: { show: false },
        font: FONT,
        size: 62,
        ...(props.isCount === true ? { incrs: COUNT_STEPS } : {}),
        values: (_plot, splits) => splits.map(props.formatAxis ?? format),
      },
    ],
    series: [
      {},
      ...ordered.map(({ name, colour }): uPlot.Series => {
        const own = canvasColour(element, colourClass(colour));
        if (kind === 'lines') return { label: name, stroke: own, width: 2, spanGaps: true, points: { show: false } };
        return {
          label: name,
          fill: own,
          stroke: own,
          width: 0,
          points: { show: false },
          ...(bars ? { paths: bars } : {}),
        };
      }),
      ...(previous
        ? [{ label: 'period before', stroke: faint, width: 1.5, dash: [4, 4], points: { show: false } }]
        : []),
    ],
    hooks: {
      setCursor: [(plot) => setAt(plot.cursor.idx ?? null)],
      setSelect: [
        (plot) => {
          if (plot.select.width < 4 || onZoom === undefined) return;
          onZoom(plot.posToVal(plot.select.left, 'x'), plot.posToVal(plot.select.left + plot.select.width, 'x'));
        },
      ],
    },
  };
}

const COUNT_STEPS = Array.from(
  { length: 36 },
  (_, n) => [1, 2, 5].map((step) => step * 10 ** Math.floor(n / 3))[n % 3] ?? 1,
);
const FONT = '12px system-ui, sans-serif';

function stepOf({ times, kind }: TimeChartProps): number {
  return kind === 'lines' ? 0 : (times[1] ?? 0) - (times[0] ?? 0);
}
