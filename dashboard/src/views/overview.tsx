import { useAnswer } from '../api/answer.ts';
import { recordsAnswer, usageAnswer } from '../api/answers.ts';
import { changes } from '../api/live.ts';
import { apiPath } from '../api/request.ts';
import { isAdmin } from '../api/session.ts';
import { allResults, sumResults, sumsBy } from '../api/usage-sums.ts';
import { Choice, Picker } from '../parts/choice.tsx';
import { now } from '../parts/now.ts';
import { RangePicker } from '../parts/range-picker.tsx';
import { Answered } from '../parts/states.tsx';
import { changeQuery, query } from '../routing/location.ts';
import { previousRange, rangeQuery, readRange, type TimeRange, usageRange } from '../routing/range.ts';
import { OverTime } from './overview-chart.tsx';
import { GROUPS, MEASURES } from './overview-choices.ts';
import { Quality } from './overview-quality.tsx';
import { Tiles } from './overview-tiles.tsx';
import { Top, TopRuns } from './overview-tops.tsx';
import { FirstCall } from './start.tsx';

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
