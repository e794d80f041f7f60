import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { useAnswer } from '../api/answer.ts';
import { type RunBranch, type RunTree, recordsAnswer, runTreeAnswer } from '../api/answers.ts';
import { follow, liveState } from '../api/live.ts';
import { apiPath } from '../api/request.ts';
import { isAdmin } from '../api/session.ts';
import { plural } from '../format/numbers.ts';
import { duration } from '../format/times.ts';
import { Choice } from '../parts/choice.tsx';
import { RunLink, SessionLink } from '../parts/links.tsx';
import { now } from '../parts/now.ts';
import { Answered, Badge } from '../parts/states.tsx';
import { Table } from '../parts/table.tsx';
import { Count, Moment, Money, Share } from '../parts/values.tsx';
import { Link } from '../routing/link.tsx';
import { changeQuery, query, viewPath } from '../routing/location.ts';
import { Limits } from './limits.tsx';
import { type RunCalls, Waterfall } from './waterfall.tsx';

/** Open calls have no event of their own until they end, so a run with some is looked at this often. */
const OPEN_CALLS_MS = 2_000;
const MOST_CALLS = 500;
/** Calls of further descendants are in their own views. */
const MOST_RUNS = 12;

/** One run: what it used, its calls over time, and the runs below it; by itself up to date while it goes. */
export function RunView({ id }: { readonly id: string }) {
  const team = query.value.get('team');
  const run = useAnswer(apiPath(`/runs/${encodeURIComponent(id)}`, { team, include: 'children' }), runTreeAnswer, {
    live: true,
  });
  const version = useSignal(0);
  const reload = () => {
    version.value += 1;
    run.reload();
  };
  useFollowed(id, run.data?.team ?? null, reload);
  const hasOpenCalls = (run.data?.in_flight ?? 0) > 0;
  useEffect(() => {
    if (!hasOpenCalls) return undefined;
    const timer = setInterval(reload, OPEN_CALLS_MS);
    return () => clearInterval(timer);
  }, [hasOpenCalls]);

  return (
    <>
      <nav aria-label="Where this is" class="crumbs">
        <Link to={viewPath(['runs'])}>Runs</Link>
        {run.data?.parent_run_id ? (
          <>
            <span aria-hidden="true">›</span> <RunLink team={run.data.team} id={run.data.parent_run_id} />
          </>
        ) : null}
      </nav>
      <div class="view-head">
        <h1 class="id">{id}</h1>
        {hasOpenCalls ? <Badge tone="good">{plural(run.data?.in_flight ?? 0, 'open call')}</Badge> : null}
      </div>
      <Answered answer={run}>{(data) => <Found run={data} version={version.value} />}</Answered>
    </>
  );
}

/** Follows the run's own events; the pill in the bar tells how the connection is. */
function useFollowed(id: string, team: string | null, reload: () => void): void {
  useEffect(() => {
    if (team === null) return undefined;
    let timer: ReturnType<typeof setTimeout> | null = null;
    // Records and totals come together; one question answers both.
    const soon = () => {
      timer ??= setTimeout(() => {
        timer = null;
        reload();
      }, 100);
    };
    const stop = follow({
      path: apiPath(`/runs/${encodeURIComponent(id)}/events`, { team: isAdmin() ? team : null }),
      on: { record: soon },
      connected: (isAgain) => {
        if (isAgain) soon();
      },
      state: (state) => {
        if (state !== 'off') liveState.value = state;
      },
    });
    return () => {
      if (timer !== null) clearTimeout(timer);
      stop();
    };
  }, [id, team]);
}

function Found({ run, version }: { readonly run: RunTree; readonly version: number }) {
  const descendants = flatten(run.children_tree);
  const withChildren = descendants.length > 0 && query.value.get('children') !== 'hide';
  const shown = [{ run_id: run.run_id, depth: 0 }, ...(withChildren ? descendants : [])].slice(0, MOST_RUNS);
  return (
    <>
      <Facts run={run} />
      <Limits run={{ id: run.run_id, team: run.team }} />
      <section class="card" aria-labelledby="calls">
        <div class="card-head">
          <h2 id="calls">Calls</h2>
          {descendants.length === 0 ? null : (
            <Choice
              label="Child runs"
              options={CHILD_CHOICES}
              chosen={withChildren ? 'show' : 'hide'}
              onChoose={(choice) => changeQuery({ children: choice === 'hide' ? choice : null })}
            />
          )}
        </div>
        <Calls team={run.team} runs={shown} version={version} />
        {withChildren && descendants.length >= MOST_RUNS ? (
          <p class="hint">
            Calls of the first {MOST_RUNS} runs of the tree are shown; the others are in their own views.
          </p>
        ) : null}
      </section>
      <div class="columns">
        {descendants.length === 0 ? null : <Tree run={run} />}
        <Parts
          title="By agent"
          id="by-agent"
          rows={run.by_agent.map(({ agent, ...part }) => ({ name: agent ?? '(no agent)', ...part }))}
        />
        <Parts
          title="By model"
          id="by-model"
          rows={run.by_model.map(({ model, ...part }) => ({ name: model ?? '(no model)', ...part }))}
        />
      </div>
    </>
  );
}

const CHILD_CHOICES = [
  { id: 'show', label: 'With child runs' },
  { id: 'hide', label: 'This run only' },
] as const;

function flatten(branches: readonly RunBranch[], depth = 1): { run_id: string; depth: number }[] {
  return branches.flatMap((branch) => [{ run_id: branch.run_id, depth }, ...flatten(branch.children_tree, depth + 1)]);
}

function Facts({ run }: { readonly run: RunTree }) {
  const { usage, not_counted: left } = run;
  const unsure = left.missing_usage + left.estimated;
  return (
    <>
      <dl class="tiles" aria-live="polite">
        <div class="tile" id="run-cost">
          <dt>Cost</dt>
          <dd>
            <Money usd={run.cost_usd} complete={run.cost_complete} />
          </dd>
          <dd class="note">
            {run.children.length === 0 ? '' : 'with child runs '}
            {run.children.length === 0 ? null : (
              <Money usd={run.cost_usd_with_children} complete={run.cost_complete_with_children} />
            )}
          </dd>
        </div>
        <div class="tile" id="run-tokens">
          <dt>Tokens</dt>
          <dd>
            <Count value={usage.total_tokens} />
          </dd>
          <dd class="note">
            <Count value={usage.input_tokens} /> in · <Count value={usage.output_tokens} /> out
          </dd>
        </div>
        <div class="tile" id="run-calls">
          <dt>Calls</dt>
          <dd>
            <Count value={usage.requests} />
          </dd>
          <dd class="note">
            {plural(usage.tool_calls, 'tool call')}
            {left.failed === 0 ? '' : ` · ${left.failed} failed`}
          </dd>
        </div>
        <div class="tile" id="run-cached">
          <dt>Input from a cache</dt>
          <dd>
            <Share part={usage.cache_read_tokens} of={usage.input_tokens} />
          </dd>
          <dd class="note">
            <Count value={usage.output_tokens_details.reasoning_tokens} /> tokens of reasoning
          </dd>
        </div>
        <div class="tile">
          <dt>Time</dt>
          <dd>{duration(Date.parse(run.last_activity_at) - Date.parse(run.started_at))}</dd>
          <dd class="note">
            began <Moment iso={run.started_at} nowMs={now.value} />
          </dd>
        </div>
      </dl>
      <dl class="facts">
        <div>
          <dt>Team</dt>
          <dd>{run.team}</dd>
        </div>
        {run.session_id === null ? null : (
          <div>
            <dt>Session</dt>
            <dd>
              <SessionLink team={run.team} id={run.session_id} />
            </dd>
          </div>
        )}
        {Object.entries(run.labels).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
        {unsure === 0 ? null : (
          <div class="warn">
            <dt>Not sure</dt>
            <dd>
              {left.missing_usage} without usage, {left.estimated} estimated: their tokens are not in the sums
            </dd>
          </div>
        )}
      </dl>
    </>
  );
}

interface CallsProps {
  readonly team: string;
  readonly runs: readonly { readonly run_id: string; readonly depth: number }[];
  readonly version: number;
}

/** Asks for the calls of each run of the tree, and draws them together once the run's own are there. */
function Calls({ team, runs, version }: CallsProps) {
  const found = useSignal<ReadonlyMap<string, RunCalls>>(new Map());
  const take = (calls: RunCalls) => {
    found.value = new Map(found.value).set(calls.runId, calls);
  };
  const ready = runs.flatMap(({ run_id: id }) => found.value.get(id) ?? []);
  return (
    <>
      {runs.map(({ run_id: id, depth }) => (
        <CallsOf key={id} team={team} runId={id} depth={depth} version={version} take={take} />
      ))}
      {ready.length === 0 ? null : <Waterfall runs={ready} />}
    </>
  );
}

interface CallsOfProps {
  readonly team: string;
  readonly runId: string;
  readonly depth: number;
  readonly version: number;
  readonly take: (calls: RunCalls) => void;
}

function CallsOf({ team, runId, depth, version, take }: CallsOfProps) {
  const asked = { run_id: runId, team: isAdmin() ? team : null, limit: MOST_CALLS };
  const records = useAnswer(apiPath('/records', asked), recordsAnswer, { live: true });
  useEffect(() => {
    if (version > 0) records.reload();
  }, [version]);
  useEffect(() => {
    if (records.data === null) return;
    const calls = [...records.data.data].reverse();
    take({ runId, depth, team, calls, isWhole: records.data.next_cursor === null });
  }, [records.data]);
  return records.error === null ? null : <Answered answer={records}>{() => null}</Answered>;
}

function Tree({ run }: { readonly run: RunTree }) {
  return (
    <section class="card" aria-labelledby="tree">
      <h2 id="tree">Child runs</h2>
      <ul class="tree">
        <li>
          <span class="branch here">
            <b>{run.run_id}</b> <Money usd={run.cost_usd} complete={run.cost_complete} />
          </span>
          <Branches branches={run.children_tree} />
        </li>
      </ul>
      <p class="sum">
        Together <Money usd={run.cost_usd_with_children} complete={run.cost_complete_with_children} /> ·{' '}
        <Count value={run.usage_with_children.total_tokens} /> tokens ·{' '}
        {plural(run.usage_with_children.requests, 'call')}
        {run.children_truncated ? ' · of the first 1,000 runs' : ''}
      </p>
    </section>
  );
}

function Branches({ branches }: { readonly branches: readonly RunBranch[] }) {
  if (branches.length === 0) return null;
  return (
    <ul>
      {branches.map((branch) => (
        <li key={branch.run_id}>
          <span class="branch">
            <RunLink team={branch.team} id={branch.run_id} />{' '}
            <Money usd={branch.cost_usd} complete={branch.cost_complete} />
          </span>
          <Branches branches={branch.children_tree} />
        </li>
      ))}
    </ul>
  );
}

interface PartRow {
  readonly name: string;
  readonly requests: number;
  readonly total_tokens: number;
  readonly cost_usd: string;
}

function Parts({
  title,
  id,
  rows,
}: {
  readonly title: string;
  readonly id: string;
  readonly rows: readonly PartRow[];
}) {
  return (
    <section class="card" aria-label={title}>
      <h2>{title}</h2>
      <Table
        id={id}
        caption={title}
        keyOf={({ name }) => name}
        rows={rows}
        columns={[
          { head: title.slice(3), names: true, cell: ({ name }) => name },
          { head: 'Calls', numeric: true, cell: ({ requests }) => <Count value={requests} /> },
          { head: 'Tokens', numeric: true, cell: ({ total_tokens: tokens }) => <Count value={tokens} /> },
          { head: 'Cost', numeric: true, cell: ({ cost_usd: cost }) => <Money usd={cost} /> },
        ]}
      />
    </section>
  );
}
