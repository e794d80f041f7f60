import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSimulator } from '../../src/simulator/server.ts';
import { startProxy, type TestProxy } from '../support/start-proxy.ts';

let simulator: Awaited<ReturnType<typeof createSimulator>>;
let proxy: TestProxy;

beforeAll(async () => {
  simulator = await createSimulator({ port: 0 });
  proxy = await startProxy({ upstreamUrl: simulator.baseUrl });
});

afterAll(async () => {
  await proxy.close();
  await simulator.close();
});

describe('/dashboard', () => {
  it.each(['/dashboard', '/dashboard/', '/dashboard/runs/a%2Fb?team=x', '/dashboard/no/such/view'])(
    'answers %s with the page, which is asked for anew each time and may do nothing but its own',
    async (path) => {
      const answer = await fetch(`${proxy.url}${path}`);
      expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
      expect(answer.headers.get('cache-control')).toBe('no-cache');
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
      const policy = answer.headers.get('content-security-policy') ?? '';
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toMatch(/unsafe|\*|https?:/);
      expect(await answer.text()).toContain('<div id="page">');
    },
  );

  it('serves scripts and styles to be kept for ever', async () => {
    const page = await (await fetch(`${proxy.url}/dashboard`)).text();
    const assets = [...page.matchAll(/"(\/dashboard\/assets\/[^"]+)"/g)].map(([, path]) => path ?? '');
    expect(assets).toHaveLength(2);
    for (const path of assets) {
      const answer = await fetch(`${proxy.url}${path}`);
      expect(answer.status).toBe(200);
      expect(answer.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
      expect(answer.headers.get('content-type')).toMatch(/^(?:application\/javascript|text\/css); charset=utf-8$/);
    }
    expect((await fetch(`${proxy.url}/dashboard/icon.svg`)).headers.get('content-type')).toContain('image/svg+xml');
  });

  it.each([
    '/dashboard/assets/none.js',
    '/dashboard/assets/..%2f..%2f..%2fpackage.json',
    '/dashboard/assets/%2e%2e/%2e%2e/%2e%2e/package.json',
    '/dashboard/assets/..%5c..%5cpackage.json',
  ])('has nothing at %s', async (path) => {
    const answer = await fetch(`${proxy.url}${path}`);
    expect(await answer.text()).not.toContain('"dependencies"');
    expect(answer.status).toBe(404);
  });
});
