// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are the expansions themselves
import { describe, expect, it } from 'vitest';
import { errorOf, faultOf, faultsOf } from './load-text.ts';

const KEY = 'key: 0123456789abcdef';

describe('the faults of a configuration', () => {
  it('are listed all ten at once, each with path, line, value and hint', () => {
    const error = errorOf(
      [
        'listen: { port: 70000, body_limit_mb: "64" }',
        'auth: { mode: key }',
        'upstreams:',
        '  - name: Open AI',
        '    base_url: ftp://example.org',
        'ledger: { retention_days: 0.5 }',
        'attribution: { require_run_id: yes }',
        'log: { level: "${LOG_LEVEL}" }',
        'limitz: {}',
        'data_dir: 7',
      ].join('\n'),
    );
    const seen = error.faults.map(({ path, line, value }) => [path, line, value]);
    expect(seen).toEqual([
      ['listen.port', 1, '70000'],
      ['listen.body_limit_mb', 1, '"64"'],
      ['auth.mode', 2, '"key"'],
      ['upstreams[0].name', 4, '"Open AI"'],
      ['upstreams[0].base_url', 5, '"ftp://example.org"'],
      ['ledger.retention_days', 6, '0.5'],
      ['attribution.require_run_id', 7, '"yes"'],
      ['log.level', 8, '"${LOG_LEVEL}"'],
      ['limitz', 9, 'a mapping'],
      ['data_dir', 10, '7'],
    ]);
    expect(error.faults.filter((fault) => fault.message === '' || fault.hint === '')).toEqual([]);
    expect(error.message).toContain('has 10 faults');
    expect(error.message).toContain(
      '10. data_dir (line 10): must be a folder\n     value: 7\n     hint: write it in quotes',
    );
  });

  it.each([
    ['listn: { port: 1 }', 'listn', 'did you mean listen?'],
    ['listen: { prot: 1 }', 'listen.prot', 'did you mean port?'],
    ['upstreams: [{ name: a, base_url: "http://h", apiKey: x }]', 'upstreams[0].apiKey', 'did you mean api_key?'],
    ['port: 8787', 'port', 'did you mean listen.port?'],
    ['metrics: { zebra: 1 }', 'metrics.zebra', 'known here: label_api_key, token'],
    ['__proto__: { a: 1 }', '__proto__', 'known here: listen'],
    ['<<: { data_dir: x }', '["<<"]', 'known here: listen'],
  ])('name what an unknown setting was meant to be: %s', (yaml, path, hint) => {
    const fault = faultOf(yaml);
    expect(fault.path).toBe(path);
    expect(fault.hint).toContain(hint);
  });

  it.each([
    ['listen: { port: "8787" }', 'write it without quotes'],
    ['keys: [{ id: 1, team: a, key: 0123456789abcdef }]', 'write it in quotes'],
    ['metrics: { label_api_key: off }', 'write false'],
    ['streams: { client_leaves: darin }', 'did you mean drain?'],
    ['listen: { port: }', 'give a value, or leave the line out'],
    ['listen: 8787', 'known here: host, port'],
    ['keys: { ci: x }', 'after a hyphen'],
    ['shutdown_grace_ms: -1', 'the default, 30000'],
    ['admin_key: short', 'docs/configuration.md'],
  ])('say how to mend %s', (yaml, hint) => {
    expect(faultOf(yaml).hint).toContain(hint);
  });

  it.each([
    ['1', 'the file'],
    ['- a\n- b', 'the file'],
    ['upstreams: []', 'upstreams'],
    ['upstreams: [{ name: a, base_url: "http://h", models: [] }]', 'upstreams[0].models'],
    ['upstreams: [{ name: a, base_url: "http://h", models: [""] }]', 'upstreams[0].models[0]'],
    ['upstreams: [http://h]', 'upstreams[0]'],
    ['upstreams: [~]', 'upstreams[0]'],
    ['upstreams: [{ base_url: "http://h" }]', 'upstreams[0].name'],
    ['upstreams: [{ name: a, base_url: "http://h", max_connections: 0 }]', 'upstreams[0].max_connections'],
    ['upstreams: [{ name: a, base_url: "http://h", headers: { Host: x } }]', 'upstreams[0].headers.Host'],
    ['upstreams: [{ name: a, base_url: "http://h", headers: { host: x } }]', 'upstreams[0].headers.host'],
    ['upstreams: [{ name: a, base_url: "http://h", headers: { "a b": x } }]', 'upstreams[0].headers["a b"]'],
    ['upstreams: [{ name: a, base_url: "http://h", headers: { x-a: "b\\nc" } }]', 'upstreams[0].headers.x-a'],
    ['upstreams: [{ name: a, base_url: "http://h", api_key: "a b" }]', 'upstreams[0].api_key'],
    [`keys: [{ id: "", team: a, ${KEY} }]`, 'keys[0].id'],
    [`keys: [{ id: a, ${KEY} }]`, 'keys[0].team'],
    [`keys: [{ id: a, team: b, ${KEY}, labels: { n: 1 } }]`, 'keys[0].labels.n'],
    [`keys: [{ id: a, team: b, ${KEY}, expires_at: 2027-01-01 }]`, 'keys[0].expires_at'],
    [`keys: [{ id: a, team: b, ${KEY}, expires_at: 2027-02-30T00:00:00Z }]`, 'keys[0].expires_at'],
    ['keys: [{ id: a, team: b, key: fifteen-letters }]', 'keys[0].key'],
    ['listen: { keep_alive_ms: 2147483648 }', 'listen.keep_alive_ms'],
    ['streams: { drain_max_bytes: .inf }', 'streams.drain_max_bytes'],
    ['redis_url: http://localhost', 'redis_url'],
    ['database_url: mysql://localhost/x', 'database_url'],
  ])('point to the place: %s', (yaml, path) => {
    expect(faultOf(yaml).path).toBe(path);
  });

  it.each([
    'api.openai.com/v1',
    'ftp://h/v1',
    'http://',
    'http://h/v1?api-version=1',
    'http://h/v1?',
    'http://h/v1#a',
    'http://u:p@h/v1',
    'http://h/a b',
  ])('refuse %s as a base URL', (url) => {
    expect(faultOf(`upstreams: [{ name: a, base_url: ${JSON.stringify(url)} }]`).path).toBe('upstreams[0].base_url');
  });

  it.each([
    '0.2',
    '1',
    '"1e-3"',
    '"-1"',
    '"$5"',
    '".5"',
    '"1."',
    '"0.1234567891"',
    '"1,5"',
    '""',
    '"free"',
    'free',
    '"0.12345678901234567890"',
    '1e-3',
  ])('refuse %s as a price and say how to write one', (price) => {
    const fault = faultOf(`prices: [{ provider: a, model: b, input_per_mtok: ${price}, output_per_mtok: "0" }]`);
    expect(fault.path).toBe('prices[0].input_per_mtok');
    expect(fault.hint).toContain('in quotes');
    expect(fault.hint).toContain('free is "0"');
  });

  const pricesOf = (...days: (string | null)[]) =>
    days
      .map((day) => `{ provider: a, model: "b-*", input_per_mtok: "1", output_per_mtok: "0"${day ?? ''} }`)
      .join(', ');

  it.each([
    [null, null],
    [', valid_from: 2026-11-01', ', valid_from: 2026-11-01'],
  ])('refuse two prices of one model for the same days (%s)', (...days) => {
    const fault = faultOf(`prices: [${pricesOf(', valid_from: 2026-10-01', ...days)}]`);
    expect(fault.path).toBe('prices[2]');
    expect(fault.message).toContain('prices[1]');
    expect(fault.hint).toContain('valid_from');
  });

  it.each([
    ['context_tiers: [{ input_per_mtok: "1" }]', 'context_tiers[0].above_input_tokens'],
    ['context_tiers: [{ above_input_tokens: -1 }]', 'context_tiers[0].above_input_tokens'],
    ['context_tiers: [{ above_input_tokens: 1 }, { above_input_tokens: 1 }]', 'context_tiers'],
    ['service_tiers: { flex: {} }', 'service_tiers.flex'],
    ['service_tiers: { flex: { multiplier: "0.5", input_per_mtok: "1" } }', 'service_tiers.flex'],
    ['service_tiers: { flex: { input_per_mtok: free } }', 'service_tiers.flex.input_per_mtok'],
    [
      'service_tiers: { flex: { context_tiers: [{ above_input_tokens: 1, output_per_mtok: 2 }] } }',
      'service_tiers.flex.context_tiers[0].output_per_mtok',
    ],
  ])('refuse a price with %s', (member, path) => {
    const price = `{ provider: a, model: b, input_per_mtok: "0", output_per_mtok: "0", ${member} }`;
    expect(faultOf(`prices: [${price}]`).path).toBe(`prices[0].${path}`);
  });

  it.each(['2026-02-29', '2026-13-01', '01.11.2026', '2026-11-01T00:00:00Z'])('refuse %s as a first day', (date) => {
    const price = `{ provider: a, model: b, input_per_mtok: "0", output_per_mtok: "0", valid_from: ${date} }`;
    expect(faultOf(`prices: [${price}]`).path).toBe('prices[0].valid_from');
  });

  it.each([
    ['upstreams: [{ name: a, base_url: "http://h" }, { name: a, base_url: "http://i" }]', 'upstreams[1].name'],
    ['teams: [{ id: a }, { id: b }, { id: a }]', 'teams[2].id'],
    [`keys: [{ id: a, team: t, ${KEY} }, { id: a, team: t, ${KEY}-b }]`, 'keys[1].id'],
    [`keys: [{ id: a, team: t, ${KEY} }, { id: b, team: t, ${KEY} }]`, 'keys[1].key'],
  ])('name duplicates: %s', (yaml, path) => {
    const fault = faultOf(yaml);
    expect(fault.path).toBe(path);
    expect(fault.message).toContain('is the same as');
  });
});

describe('faults of the YAML itself', () => {
  it.each([
    ['a: 1\na: 2', 'metertap.yaml:2:1'],
    ['listen:\n\tport: 1', 'metertap.yaml:2:1'],
    ['log: { level: info }}', 'metertap.yaml:1:21'],
    ['data_dir: a: b', 'metertap.yaml:1:11'],
    ['data_dir: !secret x', 'metertap.yaml:1:11'],
    ['data_dir: *x', 'metertap.yaml'],
    ['? [a, b]\n: 1', 'metertap.yaml:1:3'],
  ])('say where they are: %s', (yaml, path) => {
    expect(faultsOf(yaml)[0]?.path).toBe(path);
  });

  it('tell of expansions that need quotes', () => {
    const [fault, ...others] = faultsOf('log: { level: ${LEVEL} }');
    expect(fault).toMatchObject({ line: 1, hint: expect.stringContaining('into quotes') });
    expect(others).toEqual([]);
  });

  it('end in a fault for aliases that never end or multiply', () => {
    const bomb = [
      'a: &a [x, x, x, x, x, x, x, x, x]',
      ...[...'bcdefgh'].map((name, index) => `${name}: &${name} [${Array(9).fill(`*${'abcdefg'[index]}`).join()}]`),
    ];
    expect(faultsOf(bomb.join('\n')).length).toBeGreaterThan(0);
    expect(faultOf('listen: &a { port: *a }').path).toBe('listen.port');
  });
});

describe('secrets', () => {
  const SECRET = 'hunter2-hunter2-hunter2';
  const upstream = 'name: a, base_url: "http://h"';

  it.each([
    `admin_key: [${SECRET}]`,
    `admin_key: { ${SECRET}: 1 }`,
    `adminkey: ${SECRET}`,
    `master_key: ${SECRET}`,
    `metrics: { token: "${SECRET} ${SECRET}" }`,
    `upstreams: [{ ${upstream}, api_key: "a ${SECRET}" }]`,
    `upstreams: [{ ${upstream}, api-key: ${SECRET} }]`,
    `upstreams: [{ ${upstream}, headers: { X-Api-Key: ${SECRET} } }]`,
    `upstreams: [{ ${upstream}, headers: ${SECRET} }]`,
    `upstreams: [{ name: a, base_url: "https://u:${SECRET}@h" }]`,
    `upstreams: ${SECRET}`,
    `keys: ${SECRET}`,
    `keys: [${SECRET}]`,
    `keys: [{ id: a, team: b, key: ${SECRET} }, { id: c, team: d, key: ${SECRET} }]`,
    `keys: [{ id: a, team: b, key: "${SECRET} ${SECRET}" }]`,
    `redis_url: http://:${SECRET}@h`,
    `redis_url: user:${SECRET}@h`,
    `database_url: "host=h password=${SECRET}"`,
    `database_url: mysql://h/x?password=${SECRET}`,
    'log: { level: "${SECRET}" }',
    'listen: { port: "${file:/secret}" }',
    `admin_key: "${SECRET}: ${SECRET}`,
    `data_dir: a: ${SECRET}`,
    `data_dir: [a] "${SECRET}"`,
  ])('are not shown: %s', (yaml) => {
    const error = errorOf(yaml, { env: { SECRET }, files: { '/secret': SECRET } });
    const values = error.faults.map(({ value, message, hint }) => `${value} ${message} ${hint}`).join();
    expect(values).not.toContain('hunter2');
  });

  it('that are numbers are not shown either', () => {
    expect(errorOf('admin_key: 12345678901234567').message).not.toContain('1234567890');
  });
});
