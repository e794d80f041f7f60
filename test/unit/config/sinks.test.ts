import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src/config/config-error.ts';
import { redactedYaml } from '../../../src/config/describe.ts';
import { loadConfig } from '../../../src/config/load.ts';

const SECRET = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;

function load(entry: string, files: Readonly<Record<string, string>> = {}) {
  const read = (path: string) => files[path] ?? `sinks:\n  - { name: out, ${entry} }\n`;
  return loadConfig({ path: 'metertap.yaml', env: { TOKEN: 'token-of-the-environment' }, readFile: read });
}

function faultOf(entry: string): string {
  try {
    load(entry);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map(({ path, message }) => `${path} ${message}`).join('; ');
    throw error;
  }
  return 'none';
}

describe('sinks', () => {
  it.each([
    'kind: cloudevents, url: "https://example.com/events?tenant=1"',
    `kind: webhook, url: "https://example.com/hook", events: [alerts, usage], signing_secrets: ["${SECRET}"]`,
    'kind: openmeter',
    'kind: lago, token: t, batch_size: 100',
    'kind: stripe, token: t, meters: [{ event_name: in, value: input_tokens }], customers: { research: cus_1 }',
    'kind: stripe, token: t, meters: [{ event_name: in, value: requests }], customer_label: stripe',
    'kind: orb, headers: { authorization: "Bearer t" }',
    'kind: metronome, token: t',
  ])('takes %s', (entry) => {
    expect(faultOf(entry)).toBe('none');
  });

  it.each([
    ['kind: kafka', 'sinks[0].kind must be one of cloudevents'],
    ['kind: webhook', 'must have a url: webhook has no address of its own'],
    ['kind: cloudevents, url: "ftp://example.com"', 'sinks[0].url must be an http or https URL'],
    ['kind: cloudevents, url: "https://user:pass@example.com/"', 'sinks[0].url must be an http or https URL'],
    ['kind: lago, token: t, batch_size: 101', 'must have a batch_size of at most 100 with kind: lago'],
    ['kind: lago', 'must have a token with kind: lago'],
    ['kind: lago, token: t, events: [alerts]', 'must have events: [usage] with kind: lago'],
    ['kind: stripe, token: t, customers: { research: cus_1 }', 'must have meters with kind: stripe'],
    ['kind: stripe, token: t, meters: [{ event_name: a, value: requests }]', 'must have customers or a customer_label'],
    [`kind: lago, token: t, signing_secrets: ["${SECRET}"]`, 'must have no signing_secrets with kind: lago'],
    ['kind: webhook, url: "https://example.com", signing_secrets: [short]', 'signing_secrets[0] must be whsec_'],
    ['kind: webhook, url: "https://example.com", meters: [{ event_name: a, value: requests }]', 'must have no meters'],
    ['kind: openmeter, meters: [{ event_name: a, value: tokens }]', 'meters[0].value must be one of requests'],
    ['kind: openmeter, events: []', 'sinks[0].events must be a list of at least one entry'],
    ['kind: openmeter, retries: 3', 'retries'],
    ['kind: openmeter, headers: { Host: example.com }', 'must have a header name'],
  ])('refuses %s', (entry, fault) => {
    expect(faultOf(entry)).toContain(fault);
  });

  it('takes secrets from the environment and from files, and shows none', () => {
    const entry = `kind: webhook, url: "https://example.com/hook", token: "\${TOKEN}", signing_secrets: ["\${file:/run/secret}"], headers: { x-key: hidden }`;
    const config = load(entry, { '/run/secret': `${SECRET}\n` });
    expect(config.sinks[0]).toMatchObject({ token: 'token-of-the-environment', signing_secrets: [SECRET] });
    const shown = redactedYaml(config);
    for (const secret of ['token-of-the-environment', SECRET, 'hidden']) expect(shown).not.toContain(secret);
  });
});
