import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createLogger, type Logger } from '../../../src/telemetry/logger.ts';

function capture(): { logger: Logger; lines: () => Record<string, unknown>[]; text: () => string } {
  let text = '';
  const logger = createLogger({
    level: 'info',
    destination: {
      write: (line: string) => {
        text += line;
      },
    },
  });
  const lines = () =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line): Record<string, unknown> => JSON.parse(line));
  return { logger, lines, text: () => text };
}

const SECRET = 'sk-very-secret';

describe('secrets', () => {
  it.each([
    { authorization: SECRET },
    { Authorization: SECRET },
    { 'x-api-key': SECRET },
    { 'API-KEY': SECRET },
    { cookie: SECRET },
    { headers: { 'set-cookie': [SECRET] } },
    { request: { headers: { 'proxy-authorization': SECRET } } },
    { config: { keys: [{ id: 'ci', key: SECRET }], upstreams: [{ api_key: SECRET }] } },
    { a: { b: { c: { token: SECRET, secret: SECRET, password: SECRET } } } },
    { settings: { admin_key: SECRET, pepper: SECRET } },
    { messages: [{ role: 'user', content: SECRET }] },
    { request: { body: { prompt: SECRET } } },
    { url: new URL(`http://user:${SECRET}@host/path?token=${SECRET}`) },
    { body: Buffer.from(SECRET), chunk: Buffer.from(SECRET) },
    { headers: new Headers({ authorization: SECRET }) },
  ])('of %o are not written', (fields) => {
    const { logger, text } = capture();
    logger.error(fields, 'something happened');
    expect(text()).toContain('something happened');
    expect(text()).not.toContain(SECRET);
    expect(text()).not.toContain(Buffer.from(SECRET).join(','));
  });

  it('leave the object that was logged as it is', () => {
    const { logger } = capture();
    const fields = { headers: { authorization: SECRET } };
    logger.info(fields, 'unchanged');
    expect(fields.headers.authorization).toBe(SECRET);
  });

  it('do not hide ids and numbers beside them', () => {
    const { logger, lines } = capture();
    logger.info({ key_id: 'ci', input_tokens: 5, nested: { team: 'research', key: SECRET } }, 'call');
    expect(lines()[0]).toMatchObject({
      key_id: 'ci',
      input_tokens: 5,
      nested: { team: 'research', key: '[redacted]' },
    });
  });

  it('in a structure that holds itself end at a depth', () => {
    const { logger, text } = capture();
    const fields: Record<string, unknown> = { token: SECRET };
    fields['self'] = fields;
    logger.info(fields, 'round');
    expect(text()).toContain('round');
    expect(text()).not.toContain(SECRET);
  });
});

describe('errors', () => {
  it('are written with type, message, code, frames and cause', () => {
    const { logger, lines } = capture();
    const cause = Object.assign(new Error('connect refused'), { code: 'ECONNREFUSED' });
    logger.error({ err: new TypeError('could not dispatch', { cause }) }, 'call failed');
    expect(lines()[0]).toMatchObject({
      level: 'error',
      msg: 'call failed',
      err: {
        type: 'TypeError',
        message: 'could not dispatch',
        stack: expect.stringContaining('    at '),
        cause: { type: 'Error', message: 'connect refused', code: 'ECONNREFUSED' },
      },
    });
  });

  it.each(['err', 'reason'])('never bring their further properties along, under `%s`', (name) => {
    const { logger, text } = capture();
    const error = Object.assign(new Error('bad answer'), { request: { body: SECRET }, text: SECRET });
    logger.error({ [name]: error }, 'call failed');
    expect(text()).toContain('bad answer');
    expect(text()).not.toContain(SECRET);
  });

  it('of parsing do not quote what was parsed', () => {
    const { logger, text } = capture();
    let caught: unknown;
    try {
      JSON.parse(`{"a": ${SECRET}`);
    } catch (error) {
      caught = error;
    }
    logger.error({ err: new Error('unreadable', { cause: caught }) }, 'call failed');
    expect(text()).toContain('SyntaxError');
    expect(text()).not.toContain('sk-very');
  });

  it('that are none are named by their type', () => {
    const { logger, lines } = capture();
    logger.error({ err: new Error('outer', { cause: SECRET }) }, 'call failed');
    expect(lines()[0]).toMatchObject({ err: { cause: { type: 'string' } } });
  });
});

it('writes one JSON line with the time, the level and the fields', () => {
  const { logger, lines } = capture();
  logger.warn({ team: 'research' }, 'no price');
  expect(lines()).toEqual([
    { level: 'warn', time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/), team: 'research', msg: 'no price' },
  ]);
});

it('follows its level', () => {
  const { logger, lines } = capture();
  logger.debug({}, 'unheard');
  logger.setLevel('debug');
  logger.debug({}, 'heard');
  expect(lines().map((line) => line['msg'])).toEqual(['heard']);
});

describe('to a file', () => {
  it('everything is there after the close, and nothing comes later', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'metertap-log-'));
    try {
      const path = join(folder, 'log');
      const logger = createLogger({ level: 'info', destination: openSync(path, 'a') });
      for (let i = 0; i < 500; i++) logger.info({ number: i }, 'line');
      await logger.close();
      logger.info({}, 'too late');
      const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
      expect(lines).toHaveLength(500);
      expect(lines.at(-1)).toContain('"number":499');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('text of any script comes whole, however many pieces it is written in', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'metertap-log-'));
    try {
      const path = join(folder, 'log');
      const logger = createLogger({ level: 'info', destination: openSync(path, 'a') });
      const team = 'équipe-研究-🙂'.repeat(20);
      for (let i = 0; i < 1000; i++) {
        logger.info({ number: i, team }, 'line');
        logger.chosen([{ number: i, team }], 'chosen');
      }
      logger.info({ team: '研'.repeat(100_000) }, 'longer than a piece');
      await logger.close();
      const text = await readFile(path, 'utf8');
      const lines = text
        .trimEnd()
        .split('\n')
        .map((line): Record<string, unknown> => JSON.parse(line));
      expect(lines).toHaveLength(2001);
      expect(lines.every((line, i) => i === 2000 || (line['team'] === team && line['number'] === i >> 1))).toBe(true);
      expect(lines.at(-1)?.['team']).toBe('研'.repeat(100_000));
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('what is fatal is there at once, with all that was logged before it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'metertap-log-'));
    try {
      const path = join(folder, 'log');
      const logger = createLogger({ level: 'info', destination: openSync(path, 'a') });
      logger.chosen([{ id: 'before' }], 'call');
      logger.fatal({}, 'the end');
      const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
      expect(lines).toEqual([expect.stringContaining('before'), expect.stringContaining('the end')]);
      await logger.close();
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it.runIf(process.platform === 'linux')('a full disk neither throws nor holds up the close', async () => {
    const logger = createLogger({ level: 'info', destination: openSync('/dev/full', 'w') });
    for (let i = 0; i < 500; i++) logger.info({ number: i }, 'line');
    await expect(logger.close()).resolves.toBeUndefined();
  });
});

describe('of a process that ends', () => {
  const LOGGER = new URL('../../../src/telemetry/logger.ts', import.meta.url).href;
  /** Logs some hundred kilobytes, and closes the log while it is written to. Tells of the close on standard error. */
  const PROGRAM = `
    import { createLogger } from '${LOGGER}';
    const logger = createLogger({ level: 'info' });
    for (let number = 0; number < 1000; number++) logger.info({ number, filler: 'x'.repeat(500) }, 'line');
    setImmediate(() => void logger.close().then(() => process.stderr.write('closed')));`;

  function run(output: 'pipe' | number) {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', PROGRAM], {
      stdio: ['ignore', output, 'pipe'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    return child;
  }

  it.runIf(process.platform === 'linux')('a full disk does not keep it', { timeout: 10_000 }, async () => {
    const child = run(openSync('/dev/full', 'w'));
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('a reader who takes nothing for long gets the lines after all, each whole', { timeout: 20_000 }, async () => {
    const child = run('pipe');
    const ended = once(child, 'exit');
    if (child.stdout === null || child.stderr === null) throw new Error('the process has no pipes');
    await once(child.stderr, 'data'); // the close has given up
    const lines = (await textOf(child.stdout)).trimEnd().split('\n');
    expect(await ended).toEqual([0, null]);
    expect(lines.map((line): unknown => JSON.parse(line)['number'])).toEqual(lines.map((_, number) => number));
    expect(lines).toHaveLength(1000);
  });
});
