import { expect, it } from 'vitest';
import { runCli } from '../support/cli-process.ts';
import { answerJson, type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.ts';
import { asList, asRecord, startProxy, type TestProxy } from '../support/start-proxy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const DAY = new Date().toISOString().slice(0, 10);
const RANGE = ['--from', DAY, '--to', new Date(Date.parse(DAY) + 86_400_000).toISOString().slice(0, 10)];
const ADMIN = 'sk-admin-of-the-upstream';

interface Told {
  input: number;
  requests: number;
  usd: number | null;
  key: string;
  /** Whether costs can be asked for line by line. */
  hasLineItems: boolean;
}

/** An upstream that answers calls, and says of itself what the test wants (standards.md 1). */
function startCountingUpstream(told: Told): Promise<FakeUpstream> {
  return startFakeUpstream((request, response) => {
    const url = new URL(request.url, 'http://upstream');
    if (!url.pathname.startsWith('/v1/organization/')) {
      const usage = { prompt_tokens: 1_000, completion_tokens: 10, total_tokens: 1_010 };
      answerJson(response, { id: 'c', object: 'chat.completion', model: 'gpt-5-mini', choices: [], usage });
      return;
    }
    if (request.headers.authorization !== `Bearer ${ADMIN}`) {
      answerJson(response, { error: { message: 'not an admin key' } }, 401);
      return;
    }
    const groups = url.searchParams.getAll('group_by[]');
    if (groups.includes('line_item') && !told.hasLineItems) {
      answerJson(response, { error: { message: 'line_item cannot be grouped by' } }, 400);
      return;
    }
    // One empty bucket on a page of its own, as a range of many days would have.
    const page = url.searchParams.get('page');
    const start_time = Date.parse(DAY) / 1_000;
    const results = page === null ? [] : resultsFor(url.pathname, groups, told);
    const bucket = { object: 'bucket', start_time, end_time: start_time + 86_400, results };
    answerJson(response, {
      object: 'page',
      data: [bucket],
      has_more: page === null,
      next_page: page === null ? 'page_2' : null,
    });
  });
}

function resultsFor(path: string, groups: readonly string[], told: Told): object[] {
  const api_key_id = told.key;
  if (path.endsWith('/completions')) {
    const tokens = { input_tokens: told.input, output_tokens: 10 * told.requests, num_model_requests: told.requests };
    return [{ object: 'organization.usage.completions.result', ...tokens, model: 'gpt-5-mini', api_key_id }];
  }
  if (!path.endsWith('/costs') || told.usd === null) return [];
  const line_item = groups.includes('line_item') ? 'gpt-5-mini, input' : null;
  return [{ object: 'organization.costs.result', amount: { value: told.usd, currency: 'usd' }, line_item, api_key_id }];
}

async function call(proxy: TestProxy, key = 'the-key-of-the-team'): Promise<void> {
  const answer = await fetch(`${proxy.baseUrl}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'gpt-5-mini', messages: [{ role: 'user', content: 'Hello.' }] }),
  });
  await answer.text();
  expect(answer.status).toBe(200);
}

/** Two calls through the proxy, of 1,000 input and 10 output tokens and 0.001 USD each, and what `reconcile` says. */
async function reconcileWith(changes: Partial<Told>, args: readonly string[] = [], adminKey: string | null = ADMIN) {
  const told = { input: 2_000, requests: 2, usd: 0.002, key: 'key_up', hasLineItems: true, ...changes };
  await using upstream = await startCountingUpstream(told);
  const yaml = `
auth: { mode: keys }
keys: [{ id: ci, team: research, key: the-key-of-the-team }]
prices: [{ provider: openai, model: "gpt-5-mini", input_per_mtok: "1", output_per_mtok: "0" }]
`;
  await using proxy = await startProxy({ upstreamUrl: upstream.url, yaml, env: { METERTAP_UPSTREAM_KEY: 'sk-up' } });
  await call(proxy);
  await call(proxy);
  await proxy.records();
  const env = {
    METERTAP_URL: proxy.url,
    METERTAP_ADMIN_KEY: proxy.adminKey,
    METERTAP_UPSTREAM_URL: upstream.url,
    ...(adminKey === null ? {} : { METERTAP_UPSTREAM_ADMIN_KEY: adminKey }),
  };
  const run = await runCli(['reconcile', ...RANGE, ...args], { cwd: temporaryFolder(), env });
  const sent = upstream.requests.filter(({ url }) => !url.includes('/organization/'));
  expect(sent.every(({ headers }) => headers.authorization === 'Bearer sk-up')).toBe(true);
  return run;
}

const jsonOf = (text: string) => asRecord(JSON.parse(text));

it.each([true, false])('finds no drift where both counted the same (line items: %s)', async (hasLineItems) => {
  const { code, stdout } = await reconcileWith({ hasLineItems }, ['--json', '--tolerance', '0', '--key', 'ci=key_up']);
  const told = jsonOf(stdout);
  expect(told).toMatchObject({
    upstream: 'openai',
    within_tolerance: true,
    ours: { requests: 2, input_tokens: 2_000, output_tokens: 20, cost_usd: '0.002000000' },
    theirs: { requests: 2, input_tokens: 2_000, output_tokens: 20, cost_usd: '0.002000000' },
    drift: { requests: 0, input_tokens: 0, output_tokens: 0, cost_usd: '0.000000000' },
    by_key: [{ key: 'ci', upstream_key: 'key_up', drift: { input_tokens: 0 } }],
    other_upstream_keys: [],
  });
  expect(asList(told['rows'])).toMatchObject([{ day: DAY, model: 'gpt-5-mini', reasons: [] }]);
  expect(code).toBe(0);
});

it('finds no drift to another Metertap, and the calls that went past the first one', async () => {
  const yaml = (key: string) => `
auth: { mode: keys }
keys: [{ id: ci, team: research, key: ${key} }]
prices: [{ provider: openai, model: "gpt-5-mini", input_per_mtok: "1", output_per_mtok: "0" }]
`;
  await using openai = await startCountingUpstream({ input: 0, requests: 0, usd: 0, key: '', hasLineItems: false });
  const upstreamKey = 'the-key-of-the-first-proxy';
  const second = { upstreamUrl: openai.url, yaml: yaml(upstreamKey), env: { METERTAP_UPSTREAM_KEY: 'sk-up' } };
  await using upstream = await startProxy(second);
  const first = { upstreamUrl: upstream.baseUrl, yaml: yaml('the-key-of-the-team') };
  await using proxy = await startProxy({ ...first, env: { METERTAP_UPSTREAM_KEY: upstreamKey } });
  for (let n = 0; n < 5; n++) await call(proxy);
  await proxy.records();
  await upstream.records();
  const env = {
    METERTAP_URL: proxy.url,
    METERTAP_ADMIN_KEY: proxy.adminKey,
    METERTAP_UPSTREAM_URL: upstream.baseUrl,
    METERTAP_UPSTREAM_ADMIN_KEY: upstream.adminKey,
  };
  const run = () => runCli(['reconcile', ...RANGE, '--json', '--tolerance', '0'], { cwd: temporaryFolder(), env });

  const same = await run();
  expect(jsonOf(same.stdout)).toMatchObject({
    within_tolerance: true,
    ours: { requests: 5, input_tokens: 5_000, output_tokens: 50, cost_usd: '0.005000000' },
    theirs: { requests: 5, input_tokens: 5_000, output_tokens: 50, cost_usd: '0.005000000' },
    by_key: [{ key: 'ci', upstream_key: 'ci', drift: { input_tokens: 0, cost_usd: '0.000000000' } }],
  });
  expect(same.code).toBe(0);

  await call(upstream, upstreamKey);
  await upstream.records();
  const bypassed = await run();
  const [row] = asList(jsonOf(bypassed.stdout)['rows']).map(asRecord);
  expect(row).toMatchObject({ model: 'gpt-5-mini', drift: { requests: -1, input_tokens: -1_000 } });
  expect(String(row?.['reasons'])).toContain('did not come through here');
  expect(bypassed.code).toBe(1);
});

it('tells calls that bypassed the proxy', async () => {
  const { code, stdout } = await reconcileWith({ input: 3_000, requests: 3, usd: 0.003 });
  expect(stdout).toContain(`${DAY} gpt-5-mini: -1000 input, -10 output tokens, -0.001000000 USD`);
  expect(stdout).toContain('calls that did not come through here');
  expect(stdout).toContain('key key_up of the upstream is none of ours by name: 3 requests');
  expect([code, stdout.endsWith('Beyond the tolerance.\n')]).toEqual([1, true]);
});

it('tells the same tokens at another price, within a tolerance or not', async () => {
  const { code, stdout } = await reconcileWith({ usd: 0.0019 }, ['--json']);
  expect(code).toBe(1);
  const [row] = asList(jsonOf(stdout)['rows']).map(asRecord);
  expect(asList(row?.['reasons'])).toEqual([expect.stringContaining('the same tokens at another price')]);
  expect((await reconcileWith({ usd: 0.0019 }, ['--tolerance', '5'])).code).toBe(0);
});

it('says what to do where it cannot ask', async () => {
  const without = await reconcileWith({}, [], null);
  expect([without.code, without.stderr]).toEqual([1, expect.stringContaining('METERTAP_UPSTREAM_ADMIN_KEY')]);
  const wrong = await reconcileWith({}, [], 'sk-not-that-one');
  expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('Is admin_api_key an admin key')]);
  expect((await reconcileWith({}, ['--upstream', 'nobody'])).stderr).toContain('There are: openai.');
  const env = {};
  const within = await runCli(['reconcile', '--from', `${DAY}T01:00`, '--to', '2099-01-01'], {
    cwd: temporaryFolder(),
    env,
  });
  expect(within.stderr).toMatch(/--from "\d{4}-\d\d-\d\dT01:00" is within a day of UTC\. Give \d{4}-\d\d-\d\d or \d/);
  for (const args of [
    [],
    ['--from', DAY],
    ['--from', `${DAY}T01:00`, '--to', '2099-01-01'],
    [...RANGE, '--tolerance', 'x'],
  ]) {
    expect((await runCli(['reconcile', ...args], { cwd: temporaryFolder(), env })).code).toBe(2);
  }
});
