import type { FastifyInstance } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { readEvents } from '../../../src/cli/event-stream-reader.ts';
import { runRunsCommand } from '../../../src/cli/runs-command.ts';
import { makeCallRecord, makeOpenRecord } from '../../support/make-call-record.ts';
import { makeManagementApp } from '../server-management/management-app.ts';

const apps: FastifyInstance[] = [];
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
});

const RECORDS = [
  makeCallRecord(1, { agent: 'planner' }),
  makeCallRecord(2, { run_id: 'child/1', parent_run_id: 'nightly-42' }),
  makeOpenRecord(3, { run_id: 'child/1' }),
];

async function start(records = RECORDS) {
  const { app, reader } = makeManagementApp(records);
  apps.push(app);
  return { app, reader, baseUrl: await app.listen({ host: '127.0.0.1', port: 0 }) };
}

/** Runs the command; `onWrite` is told of all that was printed so far, each time something is. */
async function run(
  baseUrl: string,
  args: readonly string[],
  given: { adminKey?: string; stop?: AbortSignal; onWrite?: (printed: string) => void } = {},
) {
  let output = '';
  let errors = '';
  const code = await runRunsCommand({
    args,
    baseUrl,
    adminKey: given.adminKey ?? 'admin',
    stop: given.stop ?? new AbortController().signal,
    write: (text) => {
      output += text;
      given.onWrite?.(output);
    },
    writeError: (text) => {
      errors += text;
    },
  });
  return { code, output, errors };
}

describe('metertap runs list', () => {
  it('prints a table and marks costs that are not exact', async () => {
    const { baseUrl } = await start();
    const { code, output } = await run(baseUrl, ['list']);
    expect(code).toBe(0);
    const [titles, ...lines] = output.split('\n');
    expect(titles).toMatch(/^RUN +TEAM +REQUESTS +INPUT +CACHED +OUTPUT +REASONING +COST USD +OPEN +LAST ACTIVITY$/);
    expect(lines[0]).toMatch(/^child\/1 +research +1 +100 +0 +10 +0 +0\.001000000 \* +1 /);
    expect(lines[1]).toMatch(/^nightly-42 +research +1 +100 +0 +10 +0 +0\.001000000 +0 /);
    expect(lines[2]).toMatch(/^\* /);
  });

  it('prints the answer as JSON', async () => {
    const { baseUrl } = await start();
    const { output } = await run(`${baseUrl}/v1/`, ['list', '--json', '--order', '-cost', '--limit', '1']);
    expect(JSON.parse(output)).toMatchObject({ data: [{ team: 'research' }], next_cursor: expect.any(String) });
  });

  it('goes on with the cursor that it prints', async () => {
    const { baseUrl } = await start();
    const first = await run(baseUrl, ['list', '--limit', '1']);
    const cursor = /More: --cursor (\S+)/.exec(first.output)?.[1] ?? '';
    const second = await run(baseUrl, ['list', '--limit', '1', '--cursor', cursor]);
    expect(second.output).toContain('nightly-42');
    expect(second.output).not.toContain('More:');
  });

  it('says that there are none', async () => {
    const { baseUrl } = await start([]);
    expect((await run(baseUrl, ['list', '--team', 'x', '--session', 's'])).output).toBe('No runs.\n');
  });

  it('lets no name steer the terminal', async () => {
    const { baseUrl } = await start([makeCallRecord(1, { team: 'a\u001b[31mb' })]);
    expect((await run(baseUrl, ['list'])).output).toContain('a?[31mb');
  });
});

describe('metertap runs show', () => {
  it('prints a run by model and agent', async () => {
    const { baseUrl } = await start();
    const { code, output } = await run(baseUrl, ['show', 'nightly-42']);
    expect(code).toBe(0);
    expect(output).toMatch(/^gpt-5-mini-2026-02-01 +1 +100 +0 +10 +0 +0 +0\.001000000$/m);
    expect(output).toMatch(/^planner +1 /m);
    expect(output).not.toContain('CHILDREN');
  });

  it('prints descendants and the sum with them', async () => {
    const { baseUrl } = await start();
    const { output } = await run(baseUrl, ['show', 'nightly-42', '--children', '--team', 'research']);
    expect(output).toMatch(/^CHILDREN/m);
    expect(output).toContain('With children: 0.002000000 USD *');
  });

  it('finds a run whose id has a slash', async () => {
    const { baseUrl } = await start();
    const { output } = await run(baseUrl, ['show', 'child/1', '--json']);
    expect(JSON.parse(output)).toMatchObject({ run_id: 'child/1', in_flight: 1 });
  });
});

describe('metertap runs watch', () => {
  it('prints what lands until it is stopped', async () => {
    const { baseUrl, reader } = await start();
    const stop = new AbortController();
    let hasCommitted = false;
    const { code, output } = await run(baseUrl, ['watch', 'nightly-42'], {
      stop: stop.signal,
      onWrite: (printed) => {
        if (!hasCommitted) reader.commit(makeCallRecord(4, { agent: 'writer' }));
        hasCommitted = true;
        if (printed.split('\n= ').length === 2) stop.abort();
      },
    });
    expect(code).toBe(0);
    const lines = output.trim().split('\n');
    expect(lines[0]).toBe('= 1 requests, 100 input, 10 output, 0.001000000 USD');
    expect(lines[1]).toMatch(/writer {2}gpt-5-mini-2026-02-01 {2}completed {2}reported {2}100 input, 10 output/);
    expect(lines[2]).toBe('= 2 requests, 200 input, 20 output, 0.002000000 USD');
  });

  it('prints a line of JSON for each event', async () => {
    const { baseUrl } = await start();
    const stop = new AbortController();
    const onWrite = () => stop.abort();
    const { output } = await run(baseUrl, ['watch', 'nightly-42', '--json'], { stop: stop.signal, onWrite });
    expect(JSON.parse(output)).toMatchObject({ event: 'totals', data: { run_id: 'nightly-42' } });
  });

  it('fails where Metertap ends the stream', async () => {
    const { baseUrl, app } = await start();
    const onWrite = () => void app.close();
    const { code, errors } = await run(baseUrl, ['watch', 'nightly-42'], { onWrite });
    expect(code).toBe(1);
    expect(errors).toMatch(/ended the stream|connection to Metertap broke/);
  });
});

describe('metertap runs, asked wrongly', () => {
  it.each([
    [[]],
    [['shwo', 'a']],
    [['list', 'a']],
    [['show']],
    [['show', 'a', 'b']],
    [['list', '--colour']],
    [['list', '--team']],
  ])('shows its usage for %j', async (args) => {
    const { code, errors } = await run('http://127.0.0.1:1', args);
    expect(code).toBe(2);
    expect(errors).toMatch(/^metertap runs: .+\n\nUsage: metertap runs list \[options\]\n/);
  });

  it('says what Metertap refused, and why', async () => {
    const { baseUrl } = await start();
    const unknown = await run(baseUrl, ['show', 'nobody']);
    expect([unknown.code, unknown.errors]).toEqual([1, 'There is no run "nobody". (HTTP 404)\n']);
    const stranger = await run(baseUrl, ['list'], { adminKey: 'wrong' });
    expect(stranger.errors).toContain('(HTTP 401)');
    const sessions = await run(baseUrl, ['list', '--cursor', 'x']);
    expect(sessions.errors).toContain("cursor must be the next_cursor of this same query's last page");
  });

  it('says that it cannot reach Metertap', async () => {
    const { app, baseUrl } = await start();
    await app.close();
    const { code, errors } = await run(baseUrl, ['list']);
    expect([code, errors]).toEqual([1, `Cannot reach Metertap at ${baseUrl}. Is it running?\n`]);
    expect((await run('nonsense', ['list'])).errors).toBe('"nonsense" is not a URL.\n');
  });
});

describe('server-sent events', () => {
  it('are read whole from chunks that are cut anywhere', async () => {
    const bytes = new TextEncoder().encode(
      'event: totals\ndata: {"a":"é"}\n\n: heartbeat\n\nid: 1\nevent: record\ndata: {}\n\nevent: cut\nda',
    );
    async function* oneByOne() {
      for (const byte of bytes) yield Uint8Array.of(byte);
    }
    const events: unknown[] = [];
    for await (const event of readEvents(oneByOne())) events.push(event);
    expect(events).toEqual([
      { event: 'totals', data: '{"a":"é"}' },
      { event: 'record', data: '{}' },
    ]);
  });
});
