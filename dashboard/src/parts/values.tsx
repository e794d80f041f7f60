import { nanoUsd, shortUsd, usdText } from '../format/money.ts';
import { compact, percent, whole } from '../format/numbers.ts';
import { ago, dateTime, duration, fullTime } from '../format/times.ts';

/** An amount of money: short to read, exact beneath. Null is not 0: no price was known. */
export function Money({ usd, complete = true }: { readonly usd: string | bigint | null; readonly complete?: boolean }) {
  if (usd === null)
    return (
      <span class="unknown" title="No price is known">
        unpriced
      </span>
    );
  const nano = typeof usd === 'bigint' ? usd : nanoUsd(usd);
  return (
    <data class="num" value={usdText(nano)} title={`$${usdText(nano)}${complete ? '' : ', not complete'}`}>
      {shortUsd(nano)}
      {complete ? null : (
        <abbr class="partial" title="Not complete: calls are open, or their usage or price is not known">
          +
        </abbr>
      )}
    </data>
  );
}

/** A count, whole or short; the whole is beneath. Null is not 0: it is not known. */
export function Count({ value, short = false }: { readonly value: number | null; readonly short?: boolean }) {
  if (value === null)
    return (
      <span class="unknown" title="Usage is missing">
        missing
      </span>
    );
  return (
    <data class="num" value={String(value)} title={whole(value)}>
      {short ? compact(value) : whole(value)}
    </data>
  );
}

export function Share({ part, of }: { readonly part: number; readonly of: number }) {
  return (
    <data class="num" value={of === 0 ? '' : String(part / of)} title={`${whole(part)} of ${whole(of)}`}>
      {percent(part, of)}
    </data>
  );
}

export function Moment({ iso, nowMs }: { readonly iso: string; readonly nowMs?: number }) {
  return (
    <time dateTime={iso} title={fullTime(iso)}>
      {nowMs === undefined ? dateTime(iso) : ago(iso, nowMs)}
    </time>
  );
}

export function Span({ ms }: { readonly ms: number | null }) {
  return ms === null ? <span class="unknown">–</span> : <span class="num">{duration(ms)}</span>;
}
