import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/command-table.ts';
import { runCli, startCli } from '../support/cli-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const run = (args: readonly string[], env: Record<string, string> = {}) =>
  runCli(args, { cwd: temporaryFolder(), env });

describe('metertap', () => {
  it('lists its commands where none is named: 2, and 0 where that was asked for', async () => {
    const [bare, help, word] = [await run([]), await run(['--help']), await run(['help'])];
    expect([bare.code, bare.stdout]).toEqual([2, '']);
    expect([help.code, help.stderr, help.stdout]).toEqual([0, '', bare.stderr]);
    expect(word.stdout).toBe(help.stdout);
    for (const { name } of COMMANDS) expect(help.stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
  });

  it('says which command was probably meant', async () => {
    const { code, stdout, stderr } = await run(['statment', '--month', '2026-10']);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('there is no command statment. Did you mean statement?');
    expect((await run(['constructor'])).code).toBe(2);
  });

  it('says its version', async () => {
    expect((await run(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it.each(COMMANDS.map(({ name }) => name))('%s --help helps, whatever the configuration is', async (name) => {
    const env = { METERTAP_PORT: 'not a port' };
    const { code, stdout, stderr } = await run([name, '--help'], env);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain(`Usage: metertap ${name}`);
    expect((await run(['help', name], env)).stdout).toBe(stdout);
  });

  it.each(COMMANDS.map(({ name }) => name))('%s --nonsense ends with 2', async (name) => {
    const { code, stdout, stderr } = await run([name, '--nonsense'], { METERTAP_PORT: 'not a port' });
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(new RegExp(`^metertap ${name}: `));
    expect(stderr).toContain('Usage: metertap ');
  });

  it.each([[['runs', 'list']], [['prices', 'check']], [['config', 'check']], [['serve']]])(
    '%j with a faulty configuration ends with 78',
    async (args) => {
      const { code, stdout, stderr } = await run(args, { METERTAP_PORT: 'not a port' });
      expect(code).toBe(78);
      expect(stdout + stderr).toContain('METERTAP_PORT');
    },
  );
});

it('metertap demo --json says where it is in one line, once its runs have been made', async () => {
  const env = { METERTAP_PORT: '0', METERTAP_DATA_DIR: temporaryFolder(), METERTAP_LOG_LEVEL: 'error' };
  await using demo = startCli(['demo', '--json'], { cwd: temporaryFolder(), env });
  const [line] = await demo.output(/^\{"base_url".*\}\n/);
  const { url } = JSON.parse(line);
  const listed = await run(['runs', 'list', '--json'], { ...env, METERTAP_URL: url });
  expect(JSON.parse(listed.stdout).data).toHaveLength(5);
  expect(await demo.kill('SIGTERM')).toEqual({ code: 0, signal: null });
  expect(demo.stdout).toBe(line);
});
