import { ServerResponse } from 'node:http';
import { afterEach, expect, it, vi } from 'vitest';
import { PlainResponse } from '../../src/server/http1-server/plain-response.ts';
import { startProxy } from '../support/start-proxy.ts';

afterEach(() => vi.restoreAllMocks());

const HEADS = {
  'by our own HTTP': { ownHttp: true, prototype: PlainResponse.prototype },
  'by Node': { ownHttp: false, prototype: ServerResponse.prototype },
};

it.each(Object.entries(HEADS))(
  'a refusal that cannot be written, %s, ends its own connection only',
  async (_name, answered) => {
    await using proxy = await startProxy({ upstreamUrl: 'http://127.0.0.1:9/v1', ownHttp: answered.ownHttp });
    const ask = () => fetch(`${proxy.url}/run/r/v1/organization/nothing`, { method: 'POST', body: '{}' });

    const broken = vi.spyOn(answered.prototype, 'writeHead').mockImplementation(() => {
      throw new TypeError('a head that cannot be written');
    });
    await expect(ask()).rejects.toThrow('fetch failed');
    expect(broken).toHaveBeenCalledTimes(1);
    broken.mockRestore();

    expect(proxy.logLines.map((line) => line['where'])).toContain('refusal');
    const refused = await ask();
    expect(refused.status).toBe(404);
    expect(await refused.json()).toMatchObject({ error: { code: 'unknown_url' } });
  },
);
