import type { FastifyInstance } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { runUsageCommand } from '../../../src/cli/usage-command.ts';
import type { CallRecord } from '../../../src/ledger/record.ts';
import { makeCallRecord } from '../../support/make-call-record.ts';
import { makeManagementApp } from '../server-management/management-app.ts';

const apps: FastifyInstance[] = [];
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
});

const RECORDS = [
  makeCallRecord(1),
  makeCallRecord(2, { started_at: '2026-11-20T09:00:00.000Z' }),
  makeCallRecord(3, { team: 'sales, west', cost_nano_usd: 9_000_000_001, response_model: 'gpt-5' }),
];

/** Runs the command against a Metertap with these records. */
async function run(args: readonly string[], records: readonly CallRecord[] = RECORDS) {
  const { app } = makeManagementApp(records);
  apps.push(app);
  const baseUrl = await app.listen({ host: '127.0.0.1', port: 0 });
  let output = '';
  let errors = '';
  const code = await runUsageCommand({
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
  return { code, output, errors, lines: output.trimEnd().split('\n') };
}

describe('metertap usage', () => {
  it('sums the last seven days by team and model, the dearest first, and all together', async () => {
    const { code, lines } = await run([]);
    expect(code).toBe(0);
    expect(lines[0]).toMatch(/^TEAM +MODEL +REQUESTS +INPUT +CACHED +OUTPUT +REASONING +TOTAL +TOOL CALLS +COST USD$/);
    expect(lines[1]).toMatch(/^sales, west +gpt-5 +1 +100 +0 +10 +0 +110 +0 +9\.000000001$/);
    expect(lines[2]).toMatch(/^research +gpt-5-mini-2026-02-01 +2 +200 +0 +20 +0 +220 +0 +0\.002000000$/);
    expect(lines[3]).toMatch(/^all +- +3 +300 +0 +30 +0 +330 +0 +9\.002000001$/);
    expect(lines).toHaveLength(4);
  });

  it('tells buckets apart where it is asked for them', async () => {
    const { lines } = await run(['--bucket', '1d', '--group-by', 'team', '--team', 'research']);
    expect(lines[1]).toMatch(/^2026-11-20T00:00:00\.000Z +research +1 /);
    expect(lines[2]).toMatch(/^2026-11-22T00:00:00\.000Z +research +1 /);
    expect(lines[3]).toMatch(/^all +- +2 /);
  });

  it('sums a range to the second, but tells only whole buckets apart', async () => {
    const range = ['--from', '2026-11-20T09:00:00Z', '--to', '2026-11-20T09:00:01Z'];
    expect((await run([...range, '--group-by', 'team'])).lines[1]).toMatch(/^research +1 /);
    const { code, errors } = await run([...range, '--bucket', '1h']);
    expect(code).toBe(1);
    expect(errors).toContain('Send 2026-11-20T09:00:00Z or 2026-11-20T10:00:00Z');
  });

  it('groups and narrows by tags of calls and labels of keys', async () => {
    const records = [
      makeCallRecord(1, { tags: { project: 'apollo' }, labels: { cost_center: '4711' } }),
      makeCallRecord(2, { tags: { project: 'a,b=c' }, labels: { cost_center: '4711' } }),
      makeCallRecord(3, { tags: { project: 'apollo' }, labels: {} }),
    ];
    const args = ['--group-by', 'tag.project', '--label', 'cost_center=4711'];
    const { lines } = await run(args, records);
    expect(lines[0]).toMatch(/^TAG\.PROJECT +REQUESTS/);
    expect(lines.slice(1).map((line) => line.split(/ +/).slice(0, 2))).toEqual([
      ['apollo', '1'],
      ['a,b=c', '1'],
      ['all', '2'],
    ]);
    expect((await run([...args, '--tag', 'project=a,b=c'], records)).lines[1]).toMatch(/^a,b=c +1 /);
    for (const wrong of [
      ['--tag', 'project'],
      ['--label', '=x'],
      ['--group-by', 'tags.project'],
    ]) {
      expect((await run(wrong, records)).code).toBe(2);
    }
  });

  it('is narrowed by several values, also by those with a comma', async () => {
    const { lines } = await run([
      '--group-by',
      'key_id',
      '--team',
      'sales, west',
      '--team',
      'nobody',
      '--model',
      'gpt-5',
    ]);
    expect(lines[1]).toMatch(/^ci +1 /);
    expect(lines).toHaveLength(2);
  });

  it('writes CSV without a sum, quoted where it must be', async () => {
    const { output } = await run(['--group-by', 'team', '--csv']);
    expect(output).toBe(
      'team,requests,input_tokens,cache_read_tokens,output_tokens,reasoning_tokens,total_tokens,tool_calls,cost_usd,cost_complete\r\n' +
        '"sales, west",1,100,0,10,0,110,0,9.000000001,true\r\n' +
        'research,2,200,0,20,0,220,0,0.002000000,true\r\n',
    );
  });

  it('lets no name become a formula of a spreadsheet, or steer the terminal', async () => {
    const odd = [makeCallRecord(1, { team: '=1+1' }), makeCallRecord(2, { team: '\u001b[31m' })];
    expect((await run(['--group-by', 'team', '--csv'], odd)).output).toContain("'=1+1,1,");
    expect((await run(['--group-by', 'team'], odd)).output).toContain('?[31m');
  });

  it('marks costs that are not exact', async () => {
    const { lines } = await run(['--group-by', 'team'], [makeCallRecord(1, { cost_nano_usd: null })]);
    expect(lines[1]).toMatch(/0\.000000000 \*$/);
    expect(lines[2]).toMatch(/^\* /);
  });

  it('gives all pages as JSON', async () => {
    const { output } = await run(['--json', '--bucket', '1m', '--from', '2026-11-20', '--to', '2026-11-22']);
    const { data } = JSON.parse(output);
    expect(data).toHaveLength(2 * 1_440);
  });

  it('says that nothing was used', async () => {
    expect((await run([], [])).output).toBe('Nothing was used.\n');
  });

  it.each([['--colour'], ['--json', '--csv'], ['show']])('shows its usage for %s', async (...args) => {
    const { code, errors } = await run(args);
    expect([code, errors.includes('\nUsage: metertap usage [options]')]).toEqual([2, true]);
  });

  it('tells what cannot be grouped by', async () => {
    const { code, errors } = await run(['--group-by', 'colour']);
    expect(code).toBe(2);
    expect(errors).toContain('--group-by cannot be colour. It can be team, key_id');
  });

  it('explains itself', async () => {
    const { code, output } = await run(['--help']);
    expect([code, output.includes('metertap usage --group-by team,model')]).toEqual([0, true]);
  });
});
