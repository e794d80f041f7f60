import { describe, expect, it } from 'vitest';
import { findConfigPath, loadConfig } from '../../../src/config/load.ts';
import { faultOf, loadText } from './load-text.ts';

/** contract.md, "Configuration", as it stands there. */
const CONTRACT_SAMPLE = `
listen: { host: 127.0.0.1, port: 8787, body_limit_mb: 64 }
auth: { mode: keys }                    # passthrough | keys
upstreams:                              # first match by model wins; the last may match all
  - name: openai
    base_url: https://api.openai.com/v1
    api_key: \${OPENAI_API_KEY}          # in keys mode replaces the client's credential
    models: ["gpt-*", "o*", "text-embedding-*"]
    stream_usage: auto                  # auto | always | never
  - name: local-vllm
    base_url: http://vllm:8000/v1
    models: ["*"]
teams:
  - { id: research, name: Research, limits: [ { budget_usd: "500", per: month }, { tokens: 200000, per: minute } ] }
keys:                                   # static keys; dynamic ones come from the API
  - { id: ci, team: research, key: "\${CI_KEY}", labels: { cost_center: "4711" } }
streams: { client_leaves: drain, drain_max_ms: 120000, drain_max_bytes: 16777216 }
ledger: { durability: before_response, retention_days: 90 }
prices: []                              # overrides, see "Prices"
limits: { default_run: [], unpriced_models: allow }   # allow | refuse
attribution: { require_run_id: false }
metrics: { label_api_key: false }
`;

/** contract.md, "Prices". */
const CONTRACT_PRICES = `
prices:                                  # provider = the upstream's name; model exact or glob; first match wins
  - { provider: openai, model: "gpt-5-mini", input_per_mtok: "0.20", cached_input_per_mtok: "0.02", output_per_mtok: "1.50", valid_from: 2026-11-01, service_tiers: { flex: { multiplier: "0.5" } } }
  - { provider: local-vllm, model: "*", input_per_mtok: "0", output_per_mtok: "0" }       # free, said so
`;

describe('loadConfig', () => {
  it('gives every default without a file', () => {
    const config = loadConfig({ path: null, env: {}, readFile: () => '' });
    expect(config).toEqual({
      listen: {
        host: '127.0.0.1',
        port: 8787,
        reuse_port: false,
        body_limit_mb: 64,
        request_timeout_ms: 300_000,
        keep_alive_ms: 72_000,
        max_header_kb: 32,
      },
      auth: { mode: 'passthrough', key_prefix: 'mt' },
      upstreams: [
        {
          name: 'openai',
          base_url: 'https://api.openai.com/v1',
          models: ['*'],
          stream_usage: 'auto',
          continuous_usage: false,
          timeouts: { connect_ms: 10_000, first_byte_ms: 900_000, idle_ms: 900_000 },
          max_connections: null,
          forward_trace_headers: false,
          headers: {},
        },
      ],
      teams: [],
      keys: [],
      streams: {
        usage_event: 'hide',
        client_leaves: 'drain',
        drain_max_ms: 120_000,
        drain_max_bytes: 16_777_216,
        client_stall_max_ms: 300_000,
      },
      estimates: { missing_usage: 'estimate' },
      ledger: { durability: 'before_response', synchronous: 'normal', retention_days: 90, on_failure: 'refuse' },
      prices: [],
      sinks: [],
      limits: {
        default_run: [],
        unpriced_models: 'allow',
        on_store_failure: 'open',
        alert_at: [50, 80, 100],
        assumed_output_tokens: 4096,
        hold_max_ms: 3_600_000,
      },
      attribution: { require_run_id: false },
      unknown_endpoints: 'allow',
      metrics: { label_api_key: false },
      rates: { unauthenticated_per_minute: 60, management_per_minute: 600, key_requests_per_minute: null },
      data_dir: './data',
      log: { level: 'info' },
      shutdown_grace_ms: 30_000,
    });
  });

  it.each([
    ['nothing', ''],
    ['comments', '# nothing yet\n'],
    ['a byte order mark', '\uFEFF'],
    ['sections without content', 'listen:\nkeys:\n# - { id: a }\nupstreams:\n'],
  ])('takes a file that holds %s for the defaults', (_, yaml) => {
    expect(loadText(yaml)).toEqual(loadConfig({ path: null, env: {}, readFile: () => '' }));
  });

  it('loads the sample of the contract', () => {
    const config = loadText(CONTRACT_SAMPLE, { env: { OPENAI_API_KEY: 'sk-upstream', CI_KEY: '0123456789abcdef' } });
    expect(config.auth.mode).toBe('keys');
    expect(config.upstreams[0]).toMatchObject({ api_key: 'sk-upstream', models: ['gpt-*', 'o*', 'text-embedding-*'] });
    expect(config.upstreams[1]).toMatchObject({ name: 'local-vllm', timeouts: { connect_ms: 10_000 } });
    expect(config.upstreams[1]).not.toHaveProperty('api_key');
    expect(config.teams[0]?.limits).toEqual([
      { budget_usd: '500', per: 'month' },
      { tokens: 200_000, per: 'minute' },
    ]);
    expect(config.keys[0]).toMatchObject({ key: '0123456789abcdef', labels: { cost_center: '4711' }, disabled: false });
  });

  it('loads the prices of the contract, dates as text', () => {
    expect(loadText(CONTRACT_PRICES).prices[0]).toMatchObject({
      input_per_mtok: '0.20',
      valid_from: '2026-11-01',
      service_tiers: { flex: { multiplier: '0.5' } },
    });
  });

  it('freezes the result all the way down', () => {
    const config = loadText(CONTRACT_SAMPLE, { env: { OPENAI_API_KEY: 'sk-upstream', CI_KEY: '0123456789abcdef' } });
    expect(unfrozenPaths(config, 'config')).toEqual([]);
  });

  it('gives a new object at each load, so that two configurations never share defaults', () => {
    expect(loadText('').upstreams[0]).not.toBe(loadText('').upstreams[0]);
  });

  it.each([
    ['', 'passthrough'],
    ['keys: [{ id: ci, team: research, key: 0123456789abcdef-ci }]', 'keys'],
    ['auth: { mode: passthrough }\nkeys: [{ id: ci, team: research, key: 0123456789abcdef-ci }]', 'passthrough'],
    ['auth: { mode: keys }', 'keys'],
  ])('works out the mode: %s', (yaml, mode) => {
    expect(loadText(yaml).auth.mode).toBe(mode);
  });

  it('removes slashes at the end of a base URL', () => {
    const config = loadText('upstreams: [{ name: a, base_url: "http://h:8000/v1//" }]');
    expect(config.upstreams[0]?.base_url).toBe('http://h:8000/v1');
  });

  it('keeps the members of a map whatever their names', () => {
    const config = loadText(
      'keys: [{ id: ci, team: a, key: 0123456789abcdef, labels: { __proto__: x, constructor: y } }]',
    );
    expect(Object.entries(config.keys[0]?.labels ?? {})).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
  });

  it('keeps single records for ever when told so', () => {
    expect(loadText('ledger: { retention_days: null }').ledger.retention_days).toBeNull();
  });

  it('says so when the file is not there', () => {
    const readFile = (): string => {
      throw Object.assign(new Error('no'), { code: 'ENOENT' });
    };
    expect(() => loadConfig({ path: 'a/b.yaml', env: {}, readFile })).toThrow(/a\/b\.yaml: there is no such file/);
  });

  it('lists the faults of the environment beside a file that cannot be read as YAML', () => {
    expect(faultOf('a: 1\n---\nb: 2').path).toBe('metertap.yaml:2:1');
    expect(() => loadText('a: [', { env: { METERTAP_PORT: 'x' } })).toThrow(/METERTAP_PORT[\s\S]*metertap\.yaml:1:5/);
  });
});

describe('findConfigPath', () => {
  const exists = () => true;

  it('takes the option first, then the variable, then the usual place, then none', () => {
    const env = { METERTAP_CONFIG: 'from-env.yaml' };
    expect(findConfigPath({ flag: 'from-flag.yaml', env, exists })).toBe('from-flag.yaml');
    expect(findConfigPath({ flag: null, env, exists })).toBe('from-env.yaml');
    expect(findConfigPath({ flag: null, env: { METERTAP_CONFIG: '' }, exists })).toBe('config/metertap.yaml');
    expect(findConfigPath({ flag: null, env: {}, exists: () => false })).toBeNull();
  });

  it('does not skip a named file that is missing', () => {
    expect(findConfigPath({ flag: null, env: { METERTAP_CONFIG: 'gone.yaml' }, exists: () => false })).toBe(
      'gone.yaml',
    );
  });
});

function unfrozenPaths(value: unknown, path: string): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const below = Object.entries(value).flatMap(([name, member]) => unfrozenPaths(member, `${path}.${name}`));
  return Object.isFrozen(value) ? below : [path, ...below];
}
