import pino, { type DestinationStream, type Logger as PinoLogger } from 'pino';
import { instantText } from '../core/instant-text.ts';
import { redactFields } from './redaction.ts';

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Writes one line of fields with a fixed sentence. `fields.err` may be an error; see `error-fields.ts`. */
export type LogLine = (fields: Record<string, unknown>, message: string) => void;

/** What the rest of the product logs with. Which package writes the lines is known in this room only. */
export interface Logger {
  readonly fatal: LogLine;
  readonly error: LogLine;
  readonly warn: LogLine;
  readonly info: LogLine;
  readonly debug: LogLine;
  readonly trace: LogLine;
  /**
   * Writes `info` lines of fields that were chosen one by one (`call-log.ts`): flat, and nothing of them to be redacted.
   * They are the lines that every call costs, and so they spare pino's and the redaction's walks over them.
   */
  readonly chosen: (lines: readonly Record<string, unknown>[], message: string) => void;
  setLevel(level: LogLevel): void;
  /** Writes what is buffered. After it, nothing more is written. */
  close(): Promise<void>;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  /** A file descriptor, which the close closes unless it is a standard one, or a stream; by default standard output. */
  readonly destination?: number | LogStream;
}

/** What a stream must be able to do to take lines; it is written to at once, without a buffer of ours. */
export interface LogStream extends DestinationStream {
  /** Writes what it still has, before a line that is fatal is followed by the end of the process. */
  flushSync?(): void;
}

const STANDARD_OUTPUT = 1;
/** Lines wait until this many bytes are together, or until the flush: a write per call would cost more than the call. */
const BUFFER_BYTES = 64_000;
const FLUSH_EVERY_MS = 250;
/** Lines that nobody takes are dropped beyond this many characters, rather than kept until memory is full. */
const MAX_WAITING_LENGTH = 8 * 1024 * 1024;
/** How long the close waits for a reader that takes nothing: a stop must not hang on who reads the log. */
const CLOSE_PATIENCE_MS = 1_000;

/**
 * Makes the logger: JSON lines, one redaction list, no request or response objects. Lines are buffered and written
 * asynchronously; a crash loses at most the last moment of them, never a record of the ledger.
 */
export function createLogger(options: LoggerOptions): Logger {
  const output = openOutput(options.destination ?? STANDARD_OUTPUT);
  const logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: redactFields },
      // The walk has made fields of every error already; pino's own serializer would add all their properties.
      serializers: { err: (fields: unknown) => fields },
    },
    output.stream,
  );
  return {
    fatal: line(logger, 'fatal'),
    error: line(logger, 'error'),
    warn: line(logger, 'warn'),
    info: line(logger, 'info'),
    debug: line(logger, 'debug'),
    trace: line(logger, 'trace'),
    chosen: (lines, message) => {
      if (!logger.isLevelEnabled('info')) return;
      const head = `{"level":"info","time":"${instantText(Date.now())}",`;
      const tail = `,"msg":${JSON.stringify(message)}}\n`;
      let text = '';
      for (const fields of lines) text += `${head}${JSON.stringify(fields).slice(1, -1)}${tail}`;
      output.stream.write(text);
    },
    setLevel: (level) => {
      logger.level = level;
    },
    close: () => {
      logger.level = 'silent';
      return output.close();
    },
  };
}

function line(logger: PinoLogger, level: Exclude<LogLevel, 'silent'>): LogLine {
  return (fields, message) => logger[level](fields, message);
}

interface Output {
  readonly stream: LogStream;
  close(): Promise<void>;
}

function openOutput(destination: number | LogStream): Output {
  if (typeof destination !== 'number') return { stream: destination, close: async () => {} };
  let isGivenUp = false;
  const stream = pino.destination({
    dest: destination,
    sync: false,
    minLength: BUFFER_BYTES,
    maxWrite: 2 * BUFFER_BYTES,
    periodicFlush: FLUSH_EVERY_MS,
    maxLength: MAX_WAITING_LENGTH,
    // As text the piece that waits would be put together and measured anew with each line that is added to it.
    contentMode: 'buffer',
    // A pipe that is full is tried again, but not for ever: these tries would keep the process alive.
    retryEAGAIN: () => !isGivenUp,
  });
  const bytes = new LineBytes();
  // Whoever read the log has gone away (`metertap serve | head`) or its disk is full: there is nowhere left to say so,
  // and it is no reason to stop serving.
  let isBroken = false;
  stream.on('error', () => {
    isBroken = true;
    if (isGivenUp) stream.destroy(); // not sooner: what a write that is under way would go on with would be gone
  });
  stream.on('write', () => {
    isBroken = false;
  });
  // It would try for ever, at the end of the process too, and cut the lines behind the piece that could not be written.
  const flushSync = stream.flushSync.bind(stream);
  stream.flushSync = () => {
    if (!isBroken) flushSync();
  };
  return {
    stream: {
      // The type of the destination knows only that it takes text.
      write: (text) => Reflect.apply(stream.write, stream, [bytes.of(text)]),
      flushSync: () => stream.flushSync(),
    },
    close: () =>
      new Promise((resolve) => {
        if (isBroken) return resolve();
        const giveUp = () => {
          isGivenUp = true;
          resolve();
        };
        const patience = setTimeout(giveUp, CLOSE_PATIENCE_MS);
        const done = () => {
          clearTimeout(patience);
          resolve();
        };
        stream.once('close', done);
        stream.once('error', done);
        stream.end();
      }),
  };
}

/**
 * Makes bytes of text, cut from memory that nothing else is cut from: in `Buffer`'s pool lines that wait would keep alive
 * what everybody else has there.
 */
class LineBytes {
  #memory = Buffer.alloc(0);
  #used = 0;

  of(text: string): Buffer {
    const most = text.length * MAX_UTF8_BYTES;
    if (this.#memory.length - this.#used < most) {
      this.#memory = Buffer.allocUnsafeSlow(Math.max(BUFFER_BYTES, most));
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += this.#memory.write(text, start);
    return this.#memory.subarray(start, this.#used);
  }
}

/** Bytes that a character of a JavaScript text becomes at most. */
const MAX_UTF8_BYTES = 3;
