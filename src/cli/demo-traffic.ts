/**
 * The agent runs of the demo: a nightly research run with a child, a support conversation, a run with a failed call and
 * one whose client hangs up. They go through the proxy like anybody's calls, with nothing but headers.
 */
interface DemoCall {
  readonly key: string;
  readonly run: string;
  readonly parent?: string;
  readonly session?: string;
  readonly agent: string;
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly sim?: Readonly<Record<string, string>>;
  /** Leaves the stream after its first bytes. */
  readonly hangsUp?: true;
}

const RESEARCH = 'demo-research-key';
const SUPPORT = 'demo-support-key-1';

/** Plays all demo calls, one after the other. Gives how many were made. Throws where the proxy cannot be reached. */
export async function playDemoTraffic(proxyUrl: string): Promise<number> {
  const calls = [...nightlyRun(), ...supportSession(), ...troubledRun()];
  for (const call of calls) await play(proxyUrl, call);
  return calls.length;
}

function nightlyRun(): DemoCall[] {
  const base = { key: RESEARCH, run: 'nightly-42', session: 'research-2026-11' };
  const turns = [1, 2, 3, 4].map((turn): DemoCall => {
    return {
      ...base,
      agent: turn === 1 ? 'planner' : 'researcher',
      path: 'chat/completions',
      body: chat('gpt-5-mini', 'What changed in the field since yesterday?', turn % 2 === 0),
      sim: {
        'x-sim-input-tokens': String(900 * turn),
        'x-sim-cached-tokens': String(768 * (turn - 1)),
        'x-sim-output-tokens': String(180 + 40 * turn),
        'x-sim-tool-calls': turn < 3 ? '1' : '0',
      },
    };
  });
  const child = { key: RESEARCH, run: 'nightly-42-summary', parent: 'nightly-42', session: 'research-2026-11' };
  return [
    ...turns,
    {
      ...child,
      agent: 'writer',
      path: 'responses',
      body: { model: 'gpt-5', input: 'Write the summary.', stream: true },
    },
    { ...child, agent: 'writer', path: 'embeddings', body: { model: 'text-embedding-3-small', input: 'The summary.' } },
  ];
}

function supportSession(): DemoCall[] {
  return ['ticket-1001', 'ticket-1002'].flatMap((run) =>
    [1, 2].map((turn): DemoCall => {
      return {
        key: SUPPORT,
        run,
        session: 'shift-morning',
        agent: 'support',
        path: 'chat/completions',
        body: chat('gpt-5-mini', 'Where is my order?', true),
        sim: { 'x-sim-input-tokens': String(400 * turn), 'x-sim-output-tokens': String(90 * turn) },
      };
    }),
  );
}

function troubledRun(): DemoCall[] {
  const base = {
    key: SUPPORT,
    run: 'ticket-1003',
    session: 'shift-morning',
    agent: 'support',
    path: 'chat/completions',
  };
  const question = chat('gpt-5-mini', 'My parcel is broken.', true);
  return [
    { ...base, body: question, sim: { 'x-sim-status': '500' } },
    { ...base, body: question, sim: { 'x-sim-events': '40', 'x-sim-interval-ms': '5' }, hangsUp: true },
    { ...base, body: { ...question, model: 'gpt-4o' } },
  ];
}

function chat(model: string, question: string, stream: boolean): Readonly<Record<string, unknown>> {
  return { model, stream, messages: [{ role: 'user', content: question }] };
}

async function play(proxyUrl: string, call: DemoCall): Promise<void> {
  const leaving = new AbortController();
  const answer = await fetch(`${proxyUrl}/v1/${call.path}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${call.key}`,
      'content-type': 'application/json',
      'x-metertap-run-id': call.run,
      'x-metertap-agent': call.agent,
      ...(call.parent === undefined ? {} : { 'x-metertap-parent-run-id': call.parent }),
      ...(call.session === undefined ? {} : { 'x-metertap-session-id': call.session }),
      ...call.sim,
    },
    body: JSON.stringify(call.body),
    signal: leaving.signal,
  });
  if (call.hangsUp !== true) {
    await answer.arrayBuffer();
    return;
  }
  await answer.body?.getReader().read();
  leaving.abort();
}
