import { describe, expect, it } from 'vitest';
import { simulateCommand } from '../../../src/cli/simulate-command.ts';

function start(args: string[]) {
  const stop = new AbortController();
  const written = { out: '', error: '' };
  const output = {
    write: (text: string) => {
      written.out += text;
    },
    writeError: (text: string) => {
      written.error += text;
    },
  };
  return { stop, written, exit: simulateCommand({ args, ...output, stop: stop.signal }) };
}

describe('metertap simulate', () => {
  it('serves until it is stopped', async () => {
    const { stop, written, exit } = start(['--port', '0', '--dialect', 'groq', '--models', 'llama', '--json']);
    await expect.poll(() => written.out).toContain('\n');
    const told = JSON.parse(written.out);
    expect(told).toMatchObject({ dialect: 'groq', base_url: `http://127.0.0.1:${told.port}/v1` });
    const headers = { authorization: 'Bearer x', 'content-type': 'application/json' };
    const body = JSON.stringify({ model: 'llama', messages: [{ role: 'user', content: 'hi' }] });
    const answer = await fetch(`${told.base_url}/chat/completions`, { method: 'POST', headers, body });
    expect(await answer.json()).toHaveProperty('x_groq');
    stop.abort();
    expect(await exit).toBe(0);
    await expect(fetch(told.base_url)).rejects.toThrow();
  });

  it('says in words where it is', async () => {
    const { stop, written, exit } = start(['--port', '0']);
    await expect.poll(() => written.out).toMatch(/http:\/\/127\.0\.0\.1:\d+\/v1/);
    stop.abort();
    expect(await exit).toBe(0);
  });

  it.each([
    [['--port', 'x']],
    [['--port', '70000']],
    [['--dialect', 'klingon']],
    [['--models', 'a,,b']],
    [['--prot', '1']],
  ])('refuses %j', async (args) => {
    const { written, exit } = start(args);
    expect(await exit).toBe(2);
    expect(written.error).toContain('Usage: metertap simulate');
  });

  it('says why it cannot listen', async () => {
    const first = start(['--port', '0', '--json']);
    await expect.poll(() => first.written.out).toContain('\n');
    const second = start(['--port', String(JSON.parse(first.written.out).port)]);
    expect(await second.exit).toBe(1);
    expect(second.written.error).toContain('EADDRINUSE');
    first.stop.abort();
    await first.exit;
  });
});
