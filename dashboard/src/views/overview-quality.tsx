import { useAnswer } from '../api/answer.ts';
import { usageAnswer } from '../api/answers.ts';
import { apiPath } from '../api/request.ts';
import { sumsBy, type UsageSum } from '../api/usage-sums.ts';
import { plural } from '../format/numbers.ts';
import { type TimeRange, usageRange } from '../routing/range.ts';

interface QualityProps {
  readonly sum: UsageSum;
  readonly range: TimeRange;
  readonly team: string | null;
}

/** What the figures above do not hold, so that nobody takes them for more than they are. */
export function Quality({ sum, range, team }: QualityProps) {
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
