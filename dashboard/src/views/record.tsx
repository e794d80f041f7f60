import { useAnswer } from '../api/answer.ts';
import { wholeRecord } from '../api/answers.ts';
import { apiPath } from '../api/request.ts';
import { whole } from '../format/numbers.ts';
import { Copyable } from '../parts/copy.tsx';
import { RunLink, SessionLink } from '../parts/links.tsx';
import { Answered, Ending } from '../parts/states.tsx';
import { Moment, Money } from '../parts/values.tsx';
import { Link } from '../routing/link.tsx';
import { viewPath } from '../routing/location.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Fields in groups that a reader looks for together; whatever is in no group stands at the end. */
const GROUPS: readonly { readonly title: string; readonly names: readonly string[] }[] = [
  {
    title: 'The call',
    names: [
      'id',
      'ending',
      'status',
      'error_code',
      'upstream',
      'endpoint',
      'stream',
      'request_model',
      'response_model',
      'service_tier',
      'upstream_id',
    ],
  },
  { title: 'Time', names: ['started_at', 'ended_at', 'duration_ms', 'ttft_ms'] },
  {
    title: 'Whose',
    names: ['team', 'key_id', 'run_id', 'parent_run_id', 'session_id', 'agent', 'user', 'trace_id', 'labels', 'tags'],
  },
  { title: 'Money', names: ['cost_usd', 'corrected_cost_usd', 'cost_nano_usd', 'price_id', 'cost_reported_usd'] },
];

/** One ledger row, with every field it has. */
export function RecordView({ id }: { readonly id: string }) {
  const record = useAnswer(apiPath(`/records/${encodeURIComponent(id)}`), wholeRecord, { live: true });
  return (
    <>
      <nav aria-label="Where this is" class="crumbs">
        <Link to={viewPath(['records'])}>Records</Link>
      </nav>
      <div class="view-head">
        <h1 class="id">{id}</h1>
      </div>
      <Answered answer={record}>{(fields) => <Whole fields={fields} />}</Answered>
    </>
  );
}

function Whole({ fields }: { readonly fields: Fields }) {
  const grouped = new Set([...GROUPS.flatMap(({ names }) => names), 'usage', 'usage_raw', 'usage_source', 'schema']);
  const rest = Object.keys(fields).filter((name) => !grouped.has(name));
  return (
    <div class="record">
      {[...GROUPS, { title: 'Further', names: [...rest, 'schema'] }].map(({ title, names }) => (
        <section class="card" key={title} aria-label={title}>
          <h2>{title}</h2>
          <dl class="fields">
            {names
              .filter((name) => name in fields)
              .map((name) => (
                <div key={name}>
                  <dt>{name}</dt>
                  <dd>{shown(name, fields)}</dd>
                </div>
              ))}
          </dl>
        </section>
      ))}
      <section class="card" aria-label="Usage">
        <h2>Usage, {String(fields['usage_source'])}</h2>
        <Usage usage={fields['usage']} />
      </section>
      <section class="card" aria-label="As the upstream gave it">
        <h2>As the upstream gave it</h2>
        {fields['usage_raw'] === null ? (
          <p class="hint">The upstream told no usage of this call.</p>
        ) : (
          <Copyable text={JSON.stringify(fields['usage_raw'], null, 2)} label="the usage as the upstream gave it" />
        )}
      </section>
    </div>
  );
}

function Usage({ usage }: { readonly usage: unknown }) {
  if (typeof usage !== 'object' || usage === null) {
    return <p class="hint">Missing: no usage is known of this call. That is not 0.</p>;
  }
  return (
    <dl class="fields">
      {Object.entries(usage).map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd class={value === 0 ? 'faint num' : 'num'}>
            {typeof value === 'number' ? whole(value) : JSON.stringify(value)}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function shown(name: string, fields: Fields) {
  const value = fields[name];
  const team = String(fields['team']);
  if (value === null) return <span class="unknown">{name === 'cost_usd' ? 'unpriced' : '–'}</span>;
  if (typeof value === 'object')
    return Object.keys(value).length === 0 ? <span class="unknown">none</span> : <code>{JSON.stringify(value)}</code>;
  if (typeof value !== 'string') return String(value);
  switch (name) {
    case 'ending':
      return <Ending ending={value} />;
    case 'started_at':
    case 'ended_at':
      return (
        <>
          <Moment iso={value} /> <span class="faint">{value}</span>
        </>
      );
    case 'run_id':
    case 'parent_run_id':
      return <RunLink team={team} id={value} />;
    case 'session_id':
      return <SessionLink team={team} id={value} />;
    case 'cost_usd':
      return (
        <>
          <Money usd={value} /> <span class="faint">{value}</span>
        </>
      );
    default:
      return value;
  }
}
