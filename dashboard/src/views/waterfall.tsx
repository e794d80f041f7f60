import type { CallRecord } from '../api/answers.ts';
import { type BusyTime, busyTime } from '../charts/busy-time.ts';
import { COLOURS, colourClass } from '../charts/palette.ts';
import { compact, percent, whole } from '../format/numbers.ts';
import { clockTime, duration, roughly } from '../format/times.ts';
import { Choice } from '../parts/choice.tsx';
import { RecordLink, RunLink } from '../parts/links.tsx';
import { now } from '../parts/now.ts';
import { Empty, Ending } from '../parts/states.tsx';
import { Count, Money, Span } from '../parts/values.tsx';
import { changeQuery, query } from '../routing/location.ts';

/** The calls of one run of a tree, in the order in which they began. */
export interface RunCalls {
  readonly runId: string;
  readonly team: string;
  readonly depth: number;
  readonly calls: readonly CallRecord[];
  readonly isWhole: boolean;
}

type ColourBy = 'agent' | 'model';
const COLOUR_BY: readonly { readonly id: ColourBy; readonly label: string }[] = [
  { id: 'agent', label: 'Agent' },
  { id: 'model', label: 'Model' },
];

interface Scale {
  readonly startMs: number;
  readonly time: BusyTime;
  readonly mostInput: number;
  readonly colourOf: (call: CallRecord) => string;
}

/**
 * The calls of a run and those below it on one axis of time. It is a table: each bar stands in the row that has its
 * figures, so that everything drawn is also read out.
 */
export function Waterfall({ runs }: { readonly runs: readonly RunCalls[] }) {
  const calls = runs.flatMap((run) => run.calls);
  if (calls.length === 0) {
    return (
      <Empty title="The calls of this run are no longer in the ledger, or none has been made yet. Its sums stay." />
    );
  }
  const colourBy = COLOUR_BY.find(({ id }) => id === query.value.get('colour'))?.id ?? 'agent';
  const names = namesOf(calls, colourBy);
  const startMs = Math.min(...calls.map((call) => Date.parse(call.started_at)));
  const scale: Scale = {
    startMs,
    time: busyTime(calls.map((call) => ({ fromMs: Date.parse(call.started_at), toMs: endOf(call) }))),
    mostInput: Math.max(1, ...calls.map((call) => call.usage?.input_tokens ?? 0)),
    colourOf: (call) => colourClass(names.indexOf(nameOf(call, colourBy))),
  };
  return (
    <>
      <div class="waterfall-head">
        <ul class="legend" aria-label={`Colours by ${colourBy}`}>
          {names.slice(0, COLOURS).map((name, index) => (
            <li key={name}>
              <i class={`swatch ${colourClass(index)}`} /> {name}
            </li>
          ))}
          {names.length > COLOURS ? <li>others are grey</li> : null}
          <li>
            <i class="swatch cached" /> input from a cache
          </li>
          {scale.time.breaks.length === 0 ? null : (
            <li>
              <i class="swatch idle" /> idle time, cut short
            </li>
          )}
        </ul>
        <Choice
          label="Colours by"
          options={COLOUR_BY}
          chosen={colourBy}
          onChoose={(id) => changeQuery({ colour: id })}
        />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reached by keyboard */}
      <section class="table-box" tabIndex={0} aria-label="Calls over time">
        <table class="waterfall" id="waterfall">
          <caption class="visually-hidden">Calls of the run over time, in the order in which they began</caption>
          <thead>
            <tr>
              <th scope="col">Call</th>
              <th scope="col" class="time-column">
                <span class="visually-hidden">Time</span>
                <Axis time={scale.time} />
              </th>
              <th scope="col" class="numeric">
                Took
              </th>
              <th scope="col" class="context-column">
                Context
              </th>
              <th scope="col" class="numeric">
                Output
              </th>
              <th scope="col" class="numeric">
                Tools
              </th>
              <th scope="col" class="numeric">
                Cost
              </th>
            </tr>
          </thead>
          {runs.map((run) => (
            <tbody key={run.runId}>
              {runs.length === 1 ? null : (
                <tr class="run-row">
                  <th scope="rowgroup" colSpan={7}>
                    <span class={`depth-${Math.min(run.depth, 4)}`}>
                      {run.depth === 0 ? <b>{run.runId}</b> : <RunLink team={run.team} id={run.runId} />}
                    </span>
                    {run.calls.length === 0 ? <span class="faint"> no calls in the ledger</span> : null}
                  </th>
                </tr>
              )}
              {run.calls.map((call) => (
                <CallRow key={call.id} call={call} scale={scale} />
              ))}
            </tbody>
          ))}
        </table>
      </section>
      {runs.every(({ isWhole }) => isWhole) ? null : (
        <p class="hint">The latest 500 calls of each run are shown; all are under Records.</p>
      )}
    </>
  );
}

function namesOf(calls: readonly CallRecord[], colourBy: ColourBy): string[] {
  return [...new Set(calls.map((call) => nameOf(call, colourBy)))];
}

function nameOf(call: CallRecord, colourBy: ColourBy): string {
  if (colourBy === 'agent') return call.agent ?? '(no agent)';
  return call.response_model ?? call.request_model ?? '(no model)';
}

function endOf(call: CallRecord): number {
  return call.ended_at === null ? now.value : Date.parse(call.ended_at);
}

function Axis({ time }: { readonly time: BusyTime }) {
  return (
    <span class="axis" aria-hidden="true">
      {time.ticks.map(({ at, sinceMs }) => (
        <span key={sinceMs} style={{ left: `${100 * at}%` }}>
          {sinceMs === 0 ? '0' : roughly(sinceMs)}
        </span>
      ))}
    </span>
  );
}

function CallRow({ call, scale }: { readonly call: CallRecord; readonly scale: Scale }) {
  const model = call.response_model ?? call.request_model ?? '–';
  const isOpen = call.ended_at === null;
  return (
    <tr class={isOpen ? 'open-call' : ''}>
      <th scope="row">
        <RecordLink id={call.id} text={clockTime(call.started_at)} />
        <span class="call-who">
          {call.agent ?? '–'} <span class="faint">{model}</span>
          {call.client_retry > 0 ? <span class="faint"> · retry {call.client_retry}</span> : null}
        </span>
      </th>
      <td class="time-column">
        <Bar call={call} scale={scale} />
      </td>
      <td class="numeric took-column">{isOpen ? 'open' : <Span ms={call.duration_ms} />}</td>
      <td class="context-column">
        <Context call={call} scale={scale} />
      </td>
      <td class="numeric out-column">{call.usage === null ? '' : <Count value={call.usage.output_tokens} />}</td>
      <td class="numeric tool-column">
        {call.usage === null || call.usage.tool_calls === 0 ? '' : <Count value={call.usage.tool_calls} />}
      </td>
      <td class="numeric">{isOpen ? '' : <Cost call={call} />}</td>
    </tr>
  );
}

function Cost({ call }: { readonly call: CallRecord }) {
  if (call.usage === null) return <Ending ending={call.ending === 'completed' ? 'missing' : call.ending} />;
  return <Money usd={call.cost_usd} complete={call.usage_source === 'reported'} />;
}

function Bar({ call, scale }: { readonly call: CallRecord; readonly scale: Scale }) {
  const { place, breaks } = scale.time;
  const fromMs = Date.parse(call.started_at);
  const lengthMs = Math.max(endOf(call) - fromMs, 0);
  const left = place(fromMs);
  const waited = call.ttft_ms === null || lengthMs === 0 ? 0 : Math.min(1, call.ttft_ms / lengthMs);
  const first = call.ttft_ms === null ? '' : `, first byte after ${duration(call.ttft_ms)}`;
  const title = `${call.ending.replaceAll('_', ' ')}, began after ${duration(fromMs - scale.startMs)}${first}`;
  return (
    <span class="track">
      {breaks.map(({ from, to, idleMs }) => (
        <span
          key={from}
          class="idle"
          style={{ left: share(from), width: share(to - from) }}
          title={`${duration(idleMs)} without a call`}
        />
      ))}
      <span
        class={`bar ${scale.colourOf(call)} ${call.ending}`}
        style={{ left: share(left), width: share(place(fromMs + lengthMs) - left) }}
        title={title}
      >
        <span class="waited" style={{ width: share(waited) }} />
      </span>
    </span>
  );
}

function share(part: number): string {
  return `${100 * part}%`;
}

/** How much the model was given to read, and how much of it came from a cache: it grows with the turns of an agent. */
function Context({ call, scale }: { readonly call: CallRecord; readonly scale: Scale }) {
  const { usage } = call;
  if (usage === null) return call.ended_at === null ? null : <span class="unknown">missing</span>;
  const { input_tokens: input, cache_read_tokens: cached } = usage;
  const title = `${whole(input)} tokens of input, ${whole(cached)} of them (${percent(cached, input)}) from a cache`;
  return (
    <span class="context" title={title}>
      <span class="context-track" aria-hidden="true">
        <span class={`context-bar ${scale.colourOf(call)}`} style={{ width: `${(100 * input) / scale.mostInput}%` }}>
          <span class="context-cached" style={{ width: `${input === 0 ? 0 : (100 * cached) / input}%` }} />
        </span>
      </span>
      <data value={String(input)} class="num">
        {call.usage_source === 'estimated' ? '≈' : ''}
        {compact(input)}
      </data>
      <span class="visually-hidden">, {percent(cached, input)} from a cache</span>
    </span>
  );
}
