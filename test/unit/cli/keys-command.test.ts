import { expect, it, onTestFinished } from 'vitest';
import { runKeysCommand } from '../../../src/cli/keys-command.ts';
import { runTeamsCommand } from '../../../src/cli/teams-command.ts';
import { asRecord } from '../../support/start-proxy.ts';
import { makeAccessApp } from '../server-management/access-app.ts';

type Command = typeof runKeysCommand;
type Run = (...args: string[]) => Promise<{ code: number; output: string; errors: string }>;

async function start(yaml?: string): Promise<{ keys: Run; teams: Run; json: Run }> {
  const { app } = await makeAccessApp(yaml);
  onTestFinished(() => app.close());
  const baseUrl = await app.listen({ host: '127.0.0.1', port: 0 });
  const over =
    (command: Command, ...more: string[]): Run =>
    (...args) =>
      run(command, baseUrl, [...args, ...more]);
  return { keys: over(runKeysCommand), teams: over(runTeamsCommand), json: over(runKeysCommand, '--json') };
}

async function run(command: Command, baseUrl: string, args: readonly string[]) {
  let output = '';
  let errors = '';
  const code = await command({
    args,
    baseUrl,
    adminKey: 'admin',
    stop: new AbortController().signal,
    write: (text) => {
      output += text;
    },
    writeError: (text) => {
      errors += text;
    },
  });
  return { code, output, errors };
}

it('makes a key and prints its secret once, with all that was set', async () => {
  const { keys, json } = await start();
  const settings = ['--label', 'cost_center=47=11', '--scope', 'inference', '--model', 'gpt-5*', '--model', 'o*'];
  const rules = ['--rule', 'budget_usd=50,per=month', '--rule', 'requests=10, per=minute'];
  const more = ['--endpoint', 'responses', '--requests-per-minute', '5', '--client-leaves', 'abort', '--disable'];
  const made = await keys('create', '--team', 'research', '--id', 'ci', ...settings, ...rules, ...more);
  expect([made.code, made.errors]).toEqual([0, '']);
  const [secret = ''] = /mt_ci_[0-9A-Za-z]{49}/.exec(made.output) ?? [];
  expect(made.output).toContain(`secret: ${secret}\nIt is shown this once only`);
  expect(made.output.split(secret)).toHaveLength(2);

  const shown = await json('show', 'ci');
  expect(JSON.parse(shown.output)).toMatchObject({
    id: 'ci',
    labels: { cost_center: '47=11' },
    scopes: ['inference'],
    models: ['gpt-5*', 'o*'],
    endpoints: ['responses'],
    limits: [
      { budget_usd: '50', per: 'month' },
      { requests: 10, per: 'minute' },
    ],
    requests_per_minute: 5,
    client_leaves: 'abort',
    disabled: true,
    status: 'disabled',
  });
  expect(shown.output).not.toContain(secret);
});

it('changes, rotates, revokes and lists keys', async () => {
  const { keys, json } = await start();
  await keys('create', '--team', 't', '--id', 'a', '--model', 'x', '--disable');
  const updated = await json('update', 'a', '--clear', 'models', '--enable', '--name', 'A', '--expires', '2027-01-31');
  expect(JSON.parse(updated.output)).toMatchObject({
    models: null,
    disabled: false,
    name: 'A',
    expires_at: '2027-01-31T00:00:00.000Z',
  });
  const rotated = await keys('rotate', 'a', '--grace', '24h');
  expect(rotated.output).toMatch(/secret: mt_a_\w+\n/);
  const [old] = JSON.parse((await json('show', 'a')).output).secrets;
  expect(asRecord(old)['expires_at']).toBe('2026-11-23T15:00:00.000Z');

  await keys('create', '--team', 't', '--id', 'b');
  const page = await keys('list', '--limit', '1');
  expect(page.output).toMatch(
    /^KEY +TEAM +STATUS +SOURCE +SCOPES +EXPIRES +LAST USED +VALUE\na +t +active +api +inference,usage:read /,
  );
  const cursor = /More: --cursor (\S+)/.exec(page.output)?.[1] ?? '';
  expect((await keys('list', '--limit', '1', '--cursor', cursor)).output).toMatch(/\nb +t/);
  expect((await keys('revoke', 'a')).output).toMatch(/status +revoked\n/);
  expect((await keys('list')).output).not.toMatch(/\na /);
  expect((await keys('list', '--include-revoked')).output).toMatch(/\na +t +revoked/);
  expect((await keys('list', '--team', 'nobody')).output).toBe('No keys.\n');
});

it('makes, changes, lists and deletes teams', async () => {
  const { teams } = await start();
  const made = await teams('create', 'research', '--name', 'Research', '--rule', 'budget_usd=500,per=month', '--json');
  expect(JSON.parse(made.output)).toMatchObject({ id: 'research', limits: [{ budget_usd: '500', per: 'month' }] });
  expect((await teams('create')).output).toMatch(/^id +team-[0-9a-f]{12}\n/);
  expect((await teams('update', 'research', '--clear', 'limits', '--name', 'R')).output).toMatch(
    /name +R\nlimits +\[\]\n/,
  );
  expect((await teams('list')).output).toMatch(/^TEAM +NAME +SOURCE +LIMITS +CREATED\nresearch +R +api +0 /);
  expect((await teams('show', 'research')).output).toContain('research');
  expect((await teams('delete', 'research')).code).toBe(0);
  expect(await teams('show', 'research')).toMatchObject({
    code: 1,
    errors: 'There is no team "research". (HTTP 404)\n',
  });
});

it('says what Metertap refuses, with exit code 1', async () => {
  const { keys } = await start('keys: [{ id: static, team: t, key: a-static-key-of-the-file }]');
  const revoke = await keys('revoke', 'static');
  expect([revoke.code, revoke.output]).toEqual([1, '']);
  expect(revoke.errors).toContain('configuration file');
  const wrong = await keys('create', '--team', 't', '--requests-per-minute', 'many');
  expect(wrong).toMatchObject({ code: 1, errors: expect.stringContaining('requests_per_minute must be') });
});

it('warns on the error stream where the key will open nothing', async () => {
  const { json } = await start('auth: { mode: passthrough }');
  const made = await json('create', '--team', 't');
  expect(JSON.parse(made.output)).toHaveProperty('warning');
  expect(made.errors).toMatch(/^Warning: auth.mode is passthrough/);
});

it.each([
  [[], 'say what to do: create, list, show, update, rotate, revoke.'],
  [['create'], '--team TEAM is required.'],
  [['create', 'a'], '--team TEAM is required.'],
  [['create', 'a', '--team', 't'], 'a is too much.'],
  [['show'], 'KEY is missing.'],
  [['show', 'a', 'b'], 'b is too much.'],
  [['drop', 'a'], 'cannot drop. It can create, list, show'],
  [['udpate', 'a'], 'cannot udpate. Did you mean update?'],
  [['show', 'a', '--team', 't'], '--team does not go with show.'],
  [['list', '--grace', '5'], '--grace does not go with list.'],
])('says what is wrong with keys %j, and how it is used', async (args, message) => {
  const { keys } = await start();
  const { code, output, errors } = await keys(...args);
  expect([code, output]).toEqual([2, '']);
  expect(errors).toContain(`metertap keys: ${message}`);
  expect(errors).toContain('\nUsage: metertap keys create');
});

it.each([
  [['rotate', 'a', '--grace', 'soon'], '--grace is written as'],
  [['create', '--team', 't', '--label', 'x'], '--label is written as name=value'],
  [['create', '--team', 't', '--rule', 'requests'], '--rule is written as name=value'],
  [['create', '--tema', 't'], 'there is no option --tema. Did you mean --team?'],
])('says what is wrong with keys %j', async (args, message) => {
  const { keys } = await start();
  const { code, errors } = await keys(...args);
  expect(code).toBe(2);
  expect(errors).toContain(message);
  expect(errors).toContain('Usage: metertap keys create');
});

it('prints its help', async () => {
  const { keys, teams } = await start();
  expect(await keys('--help')).toMatchObject({
    code: 0,
    output: expect.stringContaining('keys rotate KEY'),
    errors: '',
  });
  const { output } = await teams('create', '--help');
  expect(output).toMatch(/^Usage: metertap teams create \[TEAM\] \[options\]$/m);
  expect(output).not.toContain('--clear');
  expect((await teams('list', 'x')).code).toBe(2);
});
