import { createHash } from 'node:crypto';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { HELLO, startSimulator } from './start-simulator.ts';

const sha256 = (bytes: string | Buffer) => createHash('sha256').update(bytes).digest('hex');

describe('what the simulator has seen', () => {
  it('is listed newest last, with credentials shortened', async () => {
    const { simulator, post, get } = await startSimulator();
    await get('models?limit=1');
    await post('chat/completions', HELLO, { 'x-team': 'research' });
    const listed = await (await fetch(`${simulator.url}/__sim/requests`)).json();
    expect(listed).toEqual(simulator.requests());
    const body = JSON.stringify(HELLO);
    expect(listed).toMatchObject([
      { method: 'GET', path: '/v1/models?limit=1', body: '', body_bytes: 0 },
      {
        method: 'POST',
        path: '/v1/chat/completions',
        headers: { authorization: '…1234', 'x-team': 'research' },
        body,
        body_encoding: 'utf8',
        body_bytes: body.length,
        body_truncated: false,
        body_sha256: sha256(body),
      },
    ]);
  });

  it('is recorded of refused requests too, and cleared on demand', async () => {
    const { simulator, post } = await startSimulator();
    await post('nothing', 'no JSON');
    expect(simulator.requests()).toHaveLength(1);
    expect((await fetch(`${simulator.url}/__sim/requests`, { method: 'DELETE' })).status).toBe(200);
    expect(simulator.requests()).toEqual([]);
  });

  it('keeps the bytes as sent, in base64 where they are not UTF-8', async () => {
    const { simulator } = await startSimulator();
    const bytes = gzipSync(JSON.stringify(HELLO));
    const answer = await fetch(`${simulator.baseUrl}/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer x', 'content-type': 'application/json', 'content-encoding': 'gzip' },
      body: bytes,
    });
    expect(answer.status).toBe(200);
    const [seen] = simulator.requests();
    expect(seen).toMatchObject({ body_encoding: 'base64', body_sha256: sha256(bytes) });
    expect(Buffer.from(seen?.body ?? '', 'base64').equals(bytes)).toBe(true);
  });

  it('understands zstd, and refuses what it does not understand', async () => {
    const { simulator } = await startSimulator();
    const send = (encoding: string, body: Buffer) =>
      fetch(`${simulator.baseUrl}/chat/completions`, {
        method: 'POST',
        headers: { authorization: 'Bearer x', 'content-type': 'application/json', 'content-encoding': encoding },
        body: new Uint8Array(body),
      });
    expect((await send('zstd', zstdCompressSync(JSON.stringify(HELLO)))).status).toBe(200);
    expect((await send('zstd', Buffer.from('not zstd'))).status).toBe(400);
    expect((await send('lzw', Buffer.from('x'))).status).toBe(415);
  });

  it('is bounded: long bodies are cut, old requests forgotten', async () => {
    const { simulator, post, get } = await startSimulator();
    const body = JSON.stringify({ ...HELLO, messages: [{ role: 'user', content: 'x'.repeat(300_000) }] });
    await post('chat/completions', body);
    const [seen] = simulator.requests();
    expect(seen).toMatchObject({ body_bytes: body.length, body_truncated: true, body_sha256: sha256(body) });
    expect(seen?.body).toBe(body.slice(0, 256 * 1024));
    for (let round = 0; round < 11; round++) {
      await Promise.all(Array.from({ length: 100 }, (_, index) => get(`models?at=${round * 100 + index}`)));
    }
    expect(simulator.requests()).toHaveLength(1_000);
    expect(simulator.requests().at(-1)?.path).toMatch(/^\/v1\/models\?at=10\d\d$/);
  });

  it('has no bodies where they are not to be recorded', async () => {
    const { simulator, post } = await startSimulator({ recordBodies: false });
    await post('chat/completions', HELLO);
    expect(simulator.requests()).toMatchObject([{ body: null, body_sha256: null, body_truncated: false }]);
  });
});
