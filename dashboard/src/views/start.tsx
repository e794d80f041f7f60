import { useSignal } from '@preact/signals';
import { ownKey, session } from '../api/session.ts';
import { Choice } from '../parts/choice.tsx';
import { Copyable } from '../parts/copy.tsx';
import { Link } from '../routing/link.tsx';
import { viewPath } from '../routing/location.ts';

/** How to get data in, with this Metertap's own address and, where the page has just seen it, the reader's own key. */
export function Start() {
  return (
    <>
      <div class="view-head">
        <h1>Connect a client</h1>
      </div>
      <Examples />
    </>
  );
}

/** In place of an empty overview: what to do, until the first call lands. */
export function FirstCall() {
  return (
    <>
      <div class="view-head">
        <h1>Waiting for the first call</h1>
      </div>
      <p class="waiting" role="status">
        <i /> This page turns into the overview when a call has been made through Metertap.
      </p>
      <Examples />
    </>
  );
}

interface Example {
  readonly id: string;
  readonly label: string;
  readonly text: (base: string, key: string) => string;
}

const EXAMPLES: readonly Example[] = [
  {
    id: 'curl',
    label: 'curl',
    text: (base, key) => `curl ${base}/chat/completions \\
  -H "Authorization: Bearer ${key}" \\
  -H "Content-Type: application/json" \\
  -H "x-metertap-run-id: my-first-run" \\
  -d '{"model": "gpt-5-mini", "messages": [{"role": "user", "content": "Hello"}]}'`,
  },
  {
    id: 'env',
    label: 'Any SDK',
    text: (base, key) => `export OPENAI_BASE_URL=${base}
export OPENAI_API_KEY=${key.startsWith('$') ? '…' : key}`,
  },
  {
    id: 'python',
    label: 'Python',
    text: (base, key) => `from openai import OpenAI

client = OpenAI(base_url="${base}", api_key=${literal(key, 'os.environ["OPENAI_API_KEY"]')})
client.chat.completions.create(
    model="gpt-5-mini",
    messages=[{"role": "user", "content": "Hello"}],
    extra_headers={"x-metertap-run-id": "my-first-run"},
)`,
  },
  {
    id: 'node',
    label: 'Node.js',
    text: (base, key) => `import OpenAI from 'openai';

const client = new OpenAI({ baseURL: '${base}', apiKey: ${literal(key, 'process.env.OPENAI_API_KEY')} });
await client.chat.completions.create(
  { model: 'gpt-5-mini', messages: [{ role: 'user', content: 'Hello' }] },
  { headers: { 'x-metertap-run-id': 'my-first-run' } },
);`,
  },
  {
    id: 'agents',
    label: 'Agents SDK',
    text: (base) => `# The run goes into the base URL where headers cannot be set.
export OPENAI_BASE_URL=${base.replace(/\/v1$/, '')}/run/my-first-run/v1`,
  },
  {
    id: 'langchain',
    label: 'LangChain',
    text: (base, key) => `from langchain_openai import ChatOpenAI

model = ChatOpenAI(
    model="gpt-5-mini", base_url="${base}", api_key=${literal(key, 'os.environ["OPENAI_API_KEY"]')},
    default_headers={"x-metertap-run-id": "my-first-run"},
)`,
  },
];

function literal(key: string, fromEnvironment: string): string {
  return key.startsWith('$') ? fromEnvironment : JSON.stringify(key);
}

function Examples() {
  const chosen = useSignal('curl');
  const state = session.value;
  const mode = state.kind === 'in' ? state.me.auth_mode : 'keys';
  const base = `${globalThis.location.origin}/v1`;
  const key = ownKey.value ?? (mode === 'keys' ? '$METERTAP_KEY' : '$OPENAI_API_KEY');
  const example = EXAMPLES.find(({ id }) => id === chosen.value) ?? EXAMPLES[0];
  return (
    <div class="start">
      <section class="card">
        <h2>1. The base URL</h2>
        <p>Change it in your client, and nothing else. Answers are the upstream's, byte for byte.</p>
        <Copyable text={base} label="the base URL" />
      </section>
      <section class="card">
        <h2>2. A key</h2>
        {mode === 'keys' ? (
          <p>
            Clients use keys of Metertap, each of one team.{' '}
            {ownKey.value === null ? 'Make one under ' : 'Yours is in the example; make more under '}
            <Link to={viewPath(['teams'])}>Teams and keys</Link>.
          </p>
        ) : (
          <p>
            Clients keep their own OpenAI key: it goes to the upstream untouched, and its calls are counted under a team
            of its own. Set <code>auth.mode: keys</code> to hand out keys of Metertap instead.
          </p>
        )}
      </section>
      <section class="card">
        <h2>3. A call</h2>
        <Choice label="Client" options={EXAMPLES} chosen={chosen.value} onChoose={(id) => (chosen.value = id)} />
        {example === undefined ? null : (
          <Copyable text={example.text(base, key)} label={`the example for ${example.label}`} />
        )}
        <p class="hint">
          <code>x-metertap-run-id</code> names the agent run; <code>x-metertap-agent</code>, <code>-session-id</code>,{' '}
          <code>-parent-run-id</code> and <code>-user</code> say more. All of them are optional, and none goes upstream.
        </p>
      </section>
    </div>
  );
}
