import type { UsageSum } from '../api/usage-sums.ts';
import { usdNumber } from '../format/money.ts';
import { compact, percent, plural } from '../format/numbers.ts';
import { Count, Money, Share } from '../parts/values.tsx';

/** The sums of the time that is looked at, each beside that of the time before. */
export function Tiles({ sum, before }: { readonly sum: UsageSum; readonly before: UsageSum | null }) {
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
