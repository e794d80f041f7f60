import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { startSocketUpstream } from '../support/socket-upstream.ts';
import { startProxy } from '../support/start-proxy.ts';

const BODY = '{"text":"hi","usage":{"type":"tokens","input_tokens":1,"output_tokens":1,"total_tokens":2}}';
const FORM = '--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n--b--\r\n';
const CHAT = '{"model":"gpt-5-mini","messages":[]}';

const REQUESTS = {
  'a call whose body is whole': post('/v1/chat/completions', 'application/json', CHAT),
  'a call whose body streams by': post('/v1/audio/transcriptions', 'multipart/form-data; boundary=b', FORM),
  'a free request': 'GET /v1/models HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n',
  // In other words than those that our own HTTP reads.
  'a call that Node reads': post('/v1/chat/completions', 'application/json', CHAT).replace(
    '\r\n',
    '\r\nte: trailers\r\n',
  ),
  'a free request that Node reads': 'GET /v1/models HTTP/1.1\r\nhost: h\r\nte: trailers\r\nconnection: close\r\n\r\n',
};

function post(path: string, contentType: string, body: string): string {
  const head = `POST ${path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-type: ${contentType}`;
  return `${head}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}

function ask(url: string, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    let answer = '';
    const socket = connect(Number(port), hostname, () => socket.write(request));
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      answer += text;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
  });
}

it.each(Object.entries(REQUESTS))('%s gets an answer with its status text, byte for byte', async (_name, request) => {
  const texts = ['Très bien', '\u00c3\u00a9t\u00c3\u00a9']; // the first is no UTF-8, the second is
  for (const text of texts) {
    await using upstream = await startSocketUpstream(async (call) => {
      const head = `HTTP/1.1 200 ${text}\r\ncontent-type: application/json\r\ncontent-length: ${BODY.length}\r\n\r\n`;
      await call.write(Buffer.from(head + BODY, 'latin1'));
    });
    await using proxy = await startProxy({ upstreamUrl: upstream.url });
    const answer = await ask(proxy.url, request);
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer.endsWith(BODY)).toBe(true);
    // Undici, which carries bodies that stream by, reads the text as UTF-8: what is none is lost.
    if (text !== texts[0] || !request.includes('multipart')) expect(answer).toContain(`200 ${text}\r\n`);
  }
});
