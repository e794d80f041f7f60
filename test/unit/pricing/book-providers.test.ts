import { describe, expect, it } from 'vitest';
import { BOOK_PROVIDERS, providerOfUpstream } from '../../../src/pricing/book-providers.ts';

describe('providerOfUpstream', () => {
  it.each([
    ['openai', 'https://api.openai.com/v1', 'openai', 'name'],
    ['openai', 'http://127.0.0.1:9099/v1', 'openai', 'name'],
    ['x-ai', 'http://127.0.0.1/v1', 'xai', 'name'],
    ['gemini', 'https://example.com/v1', 'google', 'name'],
    ['fast-llama', 'https://api.groq.com/openai/v1', 'groq', 'host'],
    ['main', 'https://eu.api.openai.com/v1', 'openai', 'host'],
    ['ours', 'https://ours.openai.azure.com/openai/v1', 'azure', 'host'],
    ['vertex-eu', 'https://europe-west1-aiplatform.googleapis.com/v1', 'google', 'host'],
    ['groq', 'https://api.openai.com/v1', 'groq', 'name'],
  ])('knows %s at %s', (name, baseUrl, provider, by) => {
    expect(providerOfUpstream({ name, baseUrl })).toEqual({ provider, by });
  });

  it.each([
    ['local-vllm', 'http://vllm:8000/v1'],
    ['main', 'https://api.openai.com.example.org/v1'],
    ['main', 'https://notapi.openai.com/v1'],
    ['main', 'https://openai.azure.com/v1'],
    ['main', 'no url'],
  ])('does not take %s at %s for anyone', (name, baseUrl) => {
    expect(providerOfUpstream({ name, baseUrl })).toBeNull();
  });

  it('has each name and each host once, and falls back on providers that there are', () => {
    const names = BOOK_PROVIDERS.flatMap(({ name, aliases }) => [name, ...aliases]);
    const hosts = BOOK_PROVIDERS.flatMap((provider) => provider.hosts);
    expect(new Set(names).size).toBe(names.length);
    expect(new Set(hosts).size).toBe(hosts.length);
    const fallbacks = BOOK_PROVIDERS.flatMap((provider) => provider.fallbacks);
    expect(fallbacks.filter((name) => !BOOK_PROVIDERS.some((provider) => provider.name === name))).toEqual([]);
  });
});
