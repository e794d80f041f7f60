import { describe, expect, it } from 'vitest';
import { runConfigCommand } from '../../../src/cli/config-command.ts';

interface Files {
  readonly [path: string]: string;
}

function run(args: readonly string[], files: Files = {}, env: Readonly<Record<string, string>> = {}) {
  let output = '';
  const code = runConfigCommand({
    args,
    env,
    exists: (path) => Object.hasOwn(files, path),
    readFile: (path) => {
      const text = files[path];
      if (text === undefined) throw Object.assign(new Error('no'), { code: 'ENOENT' });
      return text;
    },
    write: (text) => {
      output += text;
    },
    writeError: (text) => {
      output += text;
    },
  });
  return { code, output };
}

const FAULTY = { 'a.yaml': 'listen: { prot: 1 }\nlog: { level: loud }' };

describe('metertap config check', () => {
  it('ends with 0 where nothing is configured', () => {
    expect(run(['check'])).toEqual({
      code: 0,
      output: 'No configuration file; the defaults and the environment are right.\n',
    });
  });

  it('finds the usual file', () => {
    const files = { 'config/metertap.yaml': 'limits: { default_run: [{ requests: 1, per: run }] }' };
    const { code, output } = run(['check'], files);
    expect(code).toBe(0);
    expect(output).toContain('config/metertap.yaml is right.');
  });

  it('ends with 78 and every fault', () => {
    const { code, output } = run(['check', '--config', 'a.yaml'], FAULTY);
    expect(code).toBe(78);
    expect(output).toContain('listen.prot (line 1)');
    expect(output).toContain('log.level (line 2)');
  });

  it('gives the faults as JSON', () => {
    const { code, output } = run(['check', '--json'], FAULTY, { METERTAP_CONFIG: 'a.yaml' });
    expect(code).toBe(78);
    expect(JSON.parse(output)).toMatchObject({
      ok: false,
      file: 'a.yaml',
      faults: [{ path: 'listen.prot', line: 1 }, { path: 'log.level' }],
    });
  });

  it('ends with 78 where the file is missing', () => {
    expect(run(['check', '--config', 'gone.yaml']).code).toBe(78);
  });
});

describe('metertap config print', () => {
  const env = { METERTAP_ADMIN_KEY: 'hunter2-hunter2-hunter2', METERTAP_PORT: '1234' };

  it('shows what holds, without secrets', () => {
    const { code, output } = run(['print'], {}, env);
    expect(code).toBe(0);
    expect(output).toContain('port: 1234');
    expect(output).toContain('admin_key: "[redacted]"');
    expect(output).not.toContain('hunter2');
  });

  it('shows it as JSON', () => {
    expect(JSON.parse(run(['print', '--json'], {}, env).output)).toMatchObject({
      listen: { port: 1234 },
      admin_key: '[redacted]',
    });
  });

  it('ends with 78 where there are faults', () => {
    expect(run(['print', '--config', 'a.yaml'], FAULTY).code).toBe(78);
  });
});

describe('metertap config', () => {
  it.each([[[]], [['show']], [['check', 'more']], [['check', '--nope']], [['check', '--config']], [['toString']]])(
    'shows its usage for %j and ends with 2',
    (args) => {
      const { code, output } = run(args);
      expect(code).toBe(2);
      expect(output).toContain('Usage: metertap config check');
    },
  );
});
