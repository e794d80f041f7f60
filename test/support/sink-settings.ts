import type { SinkKindName } from '../../src/core/sink-kinds.ts';
import { SINK_KINDS } from '../../src/core/sink-kinds.ts';
import type { SinkSettings } from '../../src/sinks/sink-settings.ts';

/** A key as Standard Webhooks writes it; 32 bytes that are no secret of anybody. */
export const SIGNING_SECRET = `whsec_${Buffer.from('metertap-tests-sign-with-this-32').toString('base64')}`;

/** A sink that is whole for its kind: token, customers and meters where the kind needs them. */
export function sinkSettings(kind: SinkKindName, given: Partial<SinkSettings> = {}): SinkSettings {
  const rules = SINK_KINDS[kind];
  return {
    name: 'billing',
    kind,
    url: 'http://127.0.0.1:9/events',
    streams: ['usage'],
    token: 'sink-token-1234',
    headers: { 'x-tenant': 'acme' },
    signingSecrets: rules.canSign ? [SIGNING_SECRET] : [],
    teams: [],
    batchSize: Math.min(100, rules.maxBatch),
    timeoutMs: 5_000,
    maxAttempts: 3,
    eventName: 'llm.usage.v1',
    meters: rules.needsMeters ? [{ eventName: 'llm_input_tokens', value: 'input_tokens' }] : [],
    customers: { research: 'cus_1' },
    customerLabel: null,
    source: '/metertap',
    ...given,
  };
}
