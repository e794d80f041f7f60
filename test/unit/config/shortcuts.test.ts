// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are the expansions themselves
import { describe, expect, it } from 'vitest';
import { valueAt } from '../../../src/config/setting-path.ts';
import { SHORTCUTS } from '../../../src/config/shortcuts.ts';
import { faultOf, faultsOf, loadText } from './load-text.ts';

const FILE = `
listen: { host: 10.0.0.1, port: 1 }
upstreams:
  - { name: first, base_url: "http://file/v1", api_key: from-file, admin_api_key: sk-admin-file, models: ["gpt-*"] }
  - { name: second, base_url: "http://second/v1" }
data_dir: /file
admin_key: from-the-file-0123
database_url: postgres://file/db
redis_url: redis://file
log: { level: warn }
`;

/** What each variable may be set to, and what the field then holds. */
const VALUES: Readonly<Record<string, readonly [text: string, value: unknown]>> = {
  METERTAP_HOST: ['::1', '::1'],
  METERTAP_PORT: ['0', 0],
  METERTAP_UPSTREAM_URL: ['http://env:1/v1', 'http://env:1/v1'],
  METERTAP_UPSTREAM_KEY: ['from-env', 'from-env'],
  METERTAP_UPSTREAM_ADMIN_KEY: ['sk-admin-env', 'sk-admin-env'],
  METERTAP_DATA_DIR: ['123', '123'],
  METERTAP_ADMIN_KEY: ['from-the-env-01234', 'from-the-env-01234'],
  METERTAP_DATABASE_URL: ['postgres://env/db', 'postgres://env/db'],
  METERTAP_REDIS_URL: ['rediss://env', 'rediss://env'],
  METERTAP_LOG_LEVEL: ['debug', 'debug'],
};

describe('environment shortcuts', () => {
  it.each(SHORTCUTS)('$name wins over the file', ({ name, path }) => {
    const [text, value] = VALUES[name] ?? [];
    expect(valueAt(loadText(FILE, { env: { [name]: text ?? '' } }), path)).toEqual(value);
  });

  it.each(SHORTCUTS.filter((shortcut) => shortcut.secret))('$name may come from a file', ({ name, path }) => {
    const [text, value] = VALUES[name] ?? [];
    const surroundings = { env: { [`${name}_FILE`]: '/secret' }, files: { '/secret': `${text}\n` } };
    expect(valueAt(loadText(FILE, surroundings), path)).toEqual(value);
  });

  it.each(SHORTCUTS.filter((shortcut) => shortcut.secret))('$name and its file at once are a fault', ({ name }) => {
    const env = { [name]: VALUES[name]?.[0] ?? '', [`${name}_FILE`]: '/secret' };
    expect(faultOf(FILE, { env, files: { '/secret': 'x' } }).path).toBe(name);
  });

  it.each(SHORTCUTS)('$name does not count when it is empty', ({ name, path }) => {
    expect(valueAt(loadText(FILE, { env: { [name]: '' } }), path)).toEqual(valueAt(loadText(FILE), path));
  });

  it('change the first upstream only, and nothing else of it', () => {
    const { upstreams } = loadText(FILE, { env: { METERTAP_UPSTREAM_URL: 'http://env/v1/' } });
    expect(upstreams[0]).toMatchObject({ name: 'first', base_url: 'http://env/v1', models: ['gpt-*'] });
    expect(upstreams[1]?.base_url).toBe('http://second/v1');
  });

  it('change the default upstream where the file has none', () => {
    const { upstreams } = loadText('', { env: { METERTAP_UPSTREAM_URL: 'http://env/v1' } });
    expect(upstreams).toHaveLength(1);
    expect(upstreams[0]).toMatchObject({ name: 'openai', base_url: 'http://env/v1', models: ['*'] });
  });

  it('spare the file the variables that they replace', () => {
    const yaml = 'upstreams: [{ name: a, base_url: "http://h", api_key: "${UNSET}" }]';
    expect(loadText(yaml, { env: { METERTAP_UPSTREAM_KEY: 'k' } }).upstreams[0]?.api_key).toBe('k');
  });

  it('are taken as they are, without expansion', () => {
    expect(loadText('', { env: { METERTAP_DATA_DIR: '${HOME}', HOME: '/root' } }).data_dir).toBe('${HOME}');
  });

  it('take OPENAI_API_KEY only where no key is given', () => {
    const env = { OPENAI_API_KEY: 'fallback' };
    expect(loadText('', { env }).upstreams[0]?.api_key).toBe('fallback');
    expect(loadText(FILE, { env }).upstreams[0]?.api_key).toBe('from-file');
    expect(loadText(FILE, { env }).upstreams[1]).not.toHaveProperty('api_key');
    expect(loadText('', { env: { ...env, METERTAP_UPSTREAM_KEY: 'own' } }).upstreams[0]?.api_key).toBe('own');
  });
});

describe('faulty environment shortcuts', () => {
  it('are listed under their own names, among those of the file', () => {
    const env = { METERTAP_PORT: 'http', METERTAP_LOG_LEVEL: 'loud', METERTAP_UPSTREAM_URL: 'nowhere' };
    expect(faultsOf('data_dir: 1', { env }).map(({ path, line }) => [path, line])).toEqual([
      ['METERTAP_PORT', null],
      ['METERTAP_UPSTREAM_URL', null],
      ['METERTAP_LOG_LEVEL', null],
      ['data_dir', 1],
    ]);
  });

  it('are listed even where the file has no place for them', () => {
    const paths = faultsOf('log: debug', { env: { METERTAP_LOG_LEVEL: 'loud' } }).map((fault) => fault.path);
    expect(paths).toEqual(['METERTAP_LOG_LEVEL', 'log']);
  });

  it('name the variable with the file at fault, and no secret', () => {
    const fault = faultOf('', { env: { METERTAP_ADMIN_KEY_FILE: '/gone' } });
    expect(fault).toMatchObject({ path: 'METERTAP_ADMIN_KEY_FILE', message: expect.stringContaining('no such file') });
    const pasted = faultOf('', { env: { METERTAP_ADMIN_KEY_FILE: 'hunter2-hunter2' } });
    expect(JSON.stringify(pasted)).not.toContain('hunter2');
    const short = faultOf('', { env: { METERTAP_ADMIN_KEY: 'hunter2' } });
    expect(short).toMatchObject({ path: 'METERTAP_ADMIN_KEY', value: '[redacted]' });
  });

  it('tell of the variables that Kubernetes sets', () => {
    expect(faultOf('', { env: { METERTAP_PORT: 'tcp://10.0.0.7:8787' } }).hint).toContain('enableServiceLinks');
  });
});
