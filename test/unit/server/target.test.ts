import { describe, expect, it } from 'vitest';
import { MetertapError } from '../../../src/core/errors.ts';
import { readTarget } from '../../../src/server/target.ts';

const failing = (url: string): MetertapError => {
  try {
    readTarget(url);
  } catch (error) {
    if (error instanceof MetertapError) return error;
    throw error;
  }
  throw new Error(`${url} is read`);
};

describe('a target', () => {
  it.each([
    ['/v1/chat/completions', 'chat/completions', '/chat/completions'],
    ['/v1/chat/completions?a=1/../2?x', 'chat/completions', '/chat/completions?a=1/../2?x'],
    ['/v1/chat/completions/', 'chat/completions', '/chat/completions/'],
    ['/v1//chat//completions', 'chat/completions', '//chat//completions'],
    ['/v1/', '', '/'],
    ['/v1/?a', '', '/?a'],
    ['/v1/models/ft%3Agpt-5%3Aorg', 'models/ft:gpt-5:org', '/models/ft%3Agpt-5%3Aorg'],
    ['/v1/models/Gr%C3%BC%C3%9Fe', 'models/Grüße', '/models/Gr%C3%BC%C3%9Fe'],
    ['/v1/models/100%', 'models/100%', '/models/100%'],
    ['/v1/files/a%zz', 'files/a%zz', '/files/a%zz'],
    ['/v1/models/...', 'models/...', '/models/...'],
    ['/v1/models/.hidden', 'models/.hidden', '/models/.hidden'],
  ])('%s goes on as it is written', (url, path, target) => {
    expect(readTarget(url)).toEqual({ path, target, pathRunId: null });
  });

  it.each([
    ['http://127.0.0.1:8787/v1/chat/completions?x=1', null],
    ['HTTPS://user@metertap.example/run/nightly/v1/chat/completions?x=1', 'nightly'],
  ])('%s is read like the path in it', (url, pathRunId) => {
    expect(readTarget(url)).toEqual({ path: 'chat/completions', target: '/chat/completions?x=1', pathRunId });
  });

  it.each([
    ['/v1/%63hat/completions', 'chat/completions'],
    ['/v1/chat%2Fcompletions', 'chat/completions'],
    ['/v1/chat%2fcompletions', 'chat/completions'],
    ['/v1/%2Fresponses%2F', 'responses'],
    ['/v1/respon%73es', 'responses'],
    ['/v1/chat/completions#x', 'chat/completions'],
    ['/v1/organizatio%6E/usage', 'organization/usage'],
  ])('%s is what it means', (url, path) => {
    expect(readTarget(url).path).toBe(path);
  });
});

describe('a target that would leave the base URL is refused', () => {
  it.each([
    '/v1/..',
    '/v1/../admin',
    '/v1/./models',
    '/v1/files/../../admin',
    '/v1/%2e%2e/admin',
    '/v1/.%2E/admin',
    '/v1/files/%2e/x',
    '/v1/files%2F..%2F..%2Fadmin',
    '/v1/files/..%5cadmin',
    '/v1/files\\..\\admin',
    '/v1/files/%5C',
    '/run/a/v1/../admin',
    '/run/a/v1/%2e%2e/admin',
  ])('%s', (url) => {
    expect(failing(url).code).toBe('unknown_url');
  });
});

describe('a run id in the path', () => {
  it.each([
    ['/run/nightly-42/v1/responses', 'nightly-42', 'responses', '/responses'],
    ['/run/a%2Fb/v1/responses?x=/v1/', 'a/b', 'responses', '/responses?x=/v1/'],
    ['/run/Gr%C3%BC%C3%9Fe%20%F0%9F%91%8B/v1/embeddings', 'Grüße 👋', 'embeddings', '/embeddings'],
    ['/run/v1/v1/v1/x', 'v1', 'v1/x', '/v1/x'],
    ['/run/a/v1/', 'a', '', '/'],
  ])('%s', (url, pathRunId, path, target) => {
    expect(readTarget(url)).toEqual({ pathRunId, path, target });
  });

  it.each(['/run/a%/v1/responses', '/run/%FF/v1/responses', '/run/%C3%28/v1/responses'])('%s is refused', (url) => {
    expect(failing(url)).toMatchObject({ code: 'invalid_attribution', param: 'run_id' });
  });
});
