// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are the expansions themselves
import { describe, expect, it } from 'vitest';
import { expand } from '../../../src/config/expansion.ts';
import { faultOf, faultsOf, loadText } from './load-text.ts';

const sources = {
  env: { NAME: 'value', EMPTY: '', OTHER: '${NAME}' },
  readFile: (path: string): string => {
    if (path === '/run/secrets/a') return 'from a file\r\n';
    throw Object.assign(new Error('no'), { code: 'EACCES' });
  },
};

describe('expand', () => {
  it.each([
    ['${NAME}', 'value'],
    ['a-${NAME}-${NAME}-b', 'a-value-value-b'],
    ['${EMPTY}', ''],
    ['${EMPTY:-default}', 'default'],
    ['${MISSING:-default}', 'default'],
    ['${MISSING:-}', ''],
    ['${MISSING:-http://h:80/a-b}', 'http://h:80/a-b'],
    ['${NAME:-default}', 'value'],
    ['${file:/run/secrets/a}', 'from a file'],
    ['$${NAME}', '${NAME}'],
    ['$$${NAME}', '$${NAME}'],
    ['${OTHER}', '${NAME}'],
  ])('makes %s into %s', (text, expanded) => {
    expect(expand(text, sources)).toEqual({ kind: 'expanded', text: expanded });
  });

  it.each(['', '$NAME', 'a $ b', '{NAME}', '50$'])('leaves %s alone', (text) => {
    expect(expand(text, sources)).toEqual({ kind: 'plain' });
  });

  it.each([
    ['${MISSING}', 'MISSING, which is not set'],
    ['${toString}', 'toString, which is not set'],
    ['${NAME', 'cannot be read'],
    ['${}', 'cannot be read'],
    ['${1NAME}', 'cannot be read'],
    ['${NAME:=x}', 'cannot be read'],
    ['${MISSING:-${NAME}}', 'cannot be read'],
    ['${file:}', 'cannot be read'],
    ['${file:/gone}', '/gone: Metertap may not read it'],
  ])('fails on %s', (text, message) => {
    const expansion = expand(text, sources);
    expect(expansion).toMatchObject({ kind: 'failed', message: expect.stringContaining(message) });
  });
});

describe('expansions in a file', () => {
  it('fill numbers, booleans and null where the field wants one', () => {
    const env = { PORT: '9000', YES: 'true', NONE: 'null' };
    const config = loadText(
      'listen: { port: "${PORT}" }\nmetrics: { label_api_key: "${YES}" }\nledger: { retention_days: "${NONE}" }',
      { env },
    );
    expect(config.listen.port).toBe(9000);
    expect(config.metrics.label_api_key).toBe(true);
    expect(config.ledger.retention_days).toBeNull();
  });

  it('stay text where the field wants text', () => {
    const env = { ID: '4711' };
    const config = loadText('teams: [{ id: "${ID}" }]', { env });
    expect(config.teams[0]?.id).toBe('4711');
  });

  it('are never read as YAML', () => {
    const env = { NAME: 'a, limits: [{ requests: 1, per: day }]' };
    const config = loadText('teams: [{ id: x, name: "${NAME}" }]', { env });
    expect(config.teams[0]).toEqual({ id: 'x', name: env.NAME, limits: [] });
  });

  it('that do not read as the number wanted are faults, shown as they are written', () => {
    const fault = faultOf('listen: { port: "${PORT}" }', { env: { PORT: '80a' } });
    expect(fault).toMatchObject({ path: 'listen.port', value: '"${PORT}"' });
  });

  it('that fail are one fault each, and the rest is still checked', () => {
    const paths = faultsOf('log: { level: "${A}" }\nkeys: [{ id: a, team: b, key: "${B}" }]\ndata_dir: 1').map(
      (fault) => fault.path,
    );
    expect(paths).toEqual(['log.level', 'keys[0].key', 'data_dir']);
  });
});
