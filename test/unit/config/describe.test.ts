import { describe, expect, it } from 'vitest';
import { listFields, redactedConfig, redactedYaml } from '../../../src/config/describe.ts';
import { changesNeedingRestart } from '../../../src/config/reload.ts';
import { loadText } from './load-text.ts';

const SECRETS = `
upstreams: [{ name: a, base_url: "https://h/v1", api_key: hunter2-api, headers: { x-auth: hunter2-header } }]
keys: [{ id: ci, team: t, key: hunter2-0123456789, labels: { a: b } }]
metrics: { token: hunter2-token }
admin_key: hunter2-admin-key
redis_url: redis://:hunter2@cache:6379/0
database_url: postgres://user:hunter2@db/metertap?sslpassword=hunter2
`;

describe('redactedConfig', () => {
  it('shows everything but secrets', () => {
    const shown = redactedConfig(loadText(SECRETS));
    expect(JSON.stringify(shown)).not.toContain('hunter2');
    expect(shown).toMatchObject({
      upstreams: [{ base_url: 'https://h/v1', api_key: '[redacted]', headers: { 'x-auth': '[redacted]' } }],
      keys: [{ id: 'ci', key: '[redacted]', labels: { a: 'b' } }],
      metrics: { token: '[redacted]' },
      admin_key: '[redacted]',
      redis_url: 'redis://:[redacted]@cache:6379/0',
      database_url: 'postgres://user:[redacted]@db/metertap?sslpassword=redacted',
    });
  });

  it('gives the configuration as it is where there is no secret', () => {
    const config = loadText('redis_url: redis://cache:6379');
    expect(redactedConfig(config)).toEqual(config);
  });

  it('gives YAML that loads again', () => {
    const config = loadText('teams: [{ id: "4711" }]\nlisten: { port: 1 }');
    expect(loadText(redactedYaml(config))).toEqual(config);
  });
});

describe('listFields', () => {
  it('gives each path once', () => {
    const paths = listFields().map((field) => field.path);
    expect(new Set(paths).size).toBe(paths.length);
    expect(paths).toEqual(
      expect.arrayContaining(['listen.port', 'upstreams[].timeouts.idle_ms', 'prices[].service_tiers.*.multiplier']),
    );
  });

  it('describes a field in full', () => {
    expect(listFields().find((field) => field.path === 'listen.port')).toEqual({
      path: 'listen.port',
      type: 'whole number from 0 to 65535',
      defaultText: '`8787`',
      description: 'Port to listen on; 0 takes any free one. Needs a restart.',
    });
  });
});

describe('changesNeedingRestart', () => {
  it('names what a reload cannot change', () => {
    const before = loadText('listen: { port: 1 }\nredis_url: redis://a');
    const after = loadText('listen: { port: 2, host: h }\nledger: { synchronous: full }\ndata_dir: /x');
    expect(changesNeedingRestart(before, after).toSorted()).toEqual(
      ['data_dir', 'ledger.synchronous', 'listen.host', 'listen.port', 'redis_url'].toSorted(),
    );
  });

  it('names nothing where a reload is enough', () => {
    const after = loadText('log: { level: debug }\nteams: [{ id: a }]\nstreams: { client_leaves: abort }');
    expect(changesNeedingRestart(loadText(''), after)).toEqual([]);
  });
});
