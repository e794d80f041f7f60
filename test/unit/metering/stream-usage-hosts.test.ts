import { describe, expect, it } from 'vitest';
import { sendsUsageOnlyWhenAsked, streamUsagePolicyOf } from '../../../src/metering/stream-usage-hosts.ts';

describe('streamUsagePolicyOf', () => {
  it.each([
    'api.mistral.ai',
    'api.cohere.ai',
    'api.cohere.com',
    'adb-1.2.azuredatabricks.net',
    'dbc-1.cloud.databricks.com',
    'api.groq.com',
    'openrouter.ai',
    'OpenRouter.ai:443',
    'api.perplexity.ai',
    'api.cerebras.ai',
    'router.huggingface.co',
  ])('does not ask %s', (host) => {
    expect(streamUsagePolicyOf(host)).toBe('do_not_ask');
  });

  it.each([
    'api.openai.com',
    'localhost:8000',
    'my.openai.azure.com',
    'notapi.mistral.ai.evil.com',
    'myopenrouter.ai',
    '',
  ])('asks %s', (host) => {
    expect(streamUsagePolicyOf(host)).toBe('ask');
  });

  it('knows who sends usage on choices only when asked', () => {
    expect(sendsUsageOnlyWhenAsked('generativelanguage.googleapis.com')).toBe(true);
    expect(sendsUsageOnlyWhenAsked('api.openai.com')).toBe(false);
  });
});
