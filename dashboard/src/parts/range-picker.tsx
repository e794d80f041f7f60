import { dateTime } from '../format/times.ts';
import { changeQuery } from '../routing/location.ts';
import { PRESETS, type TimeRange } from '../routing/range.ts';
import { Choice } from './choice.tsx';

/** The span of time, in the address: a preset, or a start and an end that were brushed or typed. */
export function RangePicker({ range }: { readonly range: TimeRange }) {
  const choose = (id: string) => changeQuery({ range: id, start: null, end: null, cursor: null });
  const set = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget;
    if (!(form instanceof HTMLFormElement)) return;
    const given = new FormData(form);
    const [start, end] = ['start', 'end'].map((name) => Date.parse(String(given.get(name))));
    if (start === undefined || end === undefined || !(end > start)) return;
    zoomTo(start / 1000, end / 1000);
    form.closest('details')?.removeAttribute('open');
  };
  return (
    <div class="range-picker">
      <Choice label="Time range" options={PRESETS} chosen={range.preset} onChoose={choose} />
      <details class="menu">
        <summary>{range.preset === null ? `${dateTime(range.startMs)} – ${dateTime(range.endMs)}` : 'Custom'}</summary>
        <form onSubmit={set}>
          <label>
            From <input type="datetime-local" name="start" required value={localInput(range.startMs)} />
          </label>
          <label>
            To <input type="datetime-local" name="end" required value={localInput(range.endMs)} />
          </label>
          <button type="submit">Show</button>
        </form>
      </details>
      {range.preset === null ? (
        <button type="button" class="quiet" onClick={() => choose('24h')}>
          Reset
        </button>
      ) : null}
    </div>
  );
}

/** Shows a range that was brushed, of at least two minutes. */
export function zoomTo(startSeconds: number, endSeconds: number): void {
  const start = Math.floor(startSeconds / 60) * 60;
  const end = Math.max(Math.ceil(endSeconds / 60) * 60, start + 120);
  changeQuery({ range: null, start: String(start), end: String(end), cursor: null });
}

function localInput(ms: number): string {
  const local = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}
