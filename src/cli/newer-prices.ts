import { type BundledBook, readBundledBook } from '../pricing/bundled-book.ts';
import { GENAI_DATA_URL, readGenaiData } from '../pricing/sources/genai-data.ts';
import { newerBook } from '../pricing/sources/newer-book.ts';
import { EXIT_FAILURE, EXIT_USAGE } from './exit-codes.ts';

/** Newer prices than those of the bundled book. */
export interface NewerPrices {
  readonly book: BundledBook;
  /** Providers and models that are as the bundled book has them, because what is newer cannot be compared. */
  readonly notCompared: readonly string[];
}

/** Newer prices cannot be had or read; the message says why, and what to do. */
export class NewerPricesFault extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** How newer prices are named: by one of these at most. */
export interface NewerPricesOptions {
  readonly book?: string | undefined;
  readonly url?: string | undefined;
  readonly fetch?: boolean | undefined;
}

interface Context {
  readonly readFile: (path: string) => string;
  readonly nowMs: () => number;
  readonly stop: AbortSignal;
}

/**
 * Reads newer prices from a file or an address: a price book, or the data of genai-prices. Every row is read, so that a
 * faulty one is told here. Nothing is fetched unless an option says so.
 *
 * @returns null where no option names any
 * @throws NewerPricesFault
 */
export async function readNewerPrices(
  context: Context,
  options: NewerPricesOptions,
  bundledText: string,
): Promise<NewerPrices | null> {
  const url = options.url ?? (options.fetch === true ? GENAI_DATA_URL : null);
  if (url === null && options.book === undefined) return null;
  const name = url ?? options.book ?? '';
  const text = url === null ? readFile(context, name) : await fetchText(url, context.stop);
  try {
    const made = text.trimStart().startsWith('[')
      ? newerBook(readGenaiData(JSON.parse(text)), bundledText, new Date(context.nowMs()).toISOString().slice(0, 10))
      : { text, notCompared: [] };
    const book = readBundledBook(made.text);
    for (const provider of book.providers) book.rowsOf(provider);
    return { book, notCompared: made.notCompared };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `${name} cannot be read as a price book, nor as the data of genai-prices: ${reason}`;
    throw new NewerPricesFault(message, url === null ? EXIT_USAGE : EXIT_FAILURE, { cause });
  }
}

function readFile(context: Context, path: string): string {
  try {
    return context.readFile(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new NewerPricesFault(`${path} cannot be read: ${reason}`, EXIT_USAGE, { cause });
  }
}

const TIMEOUT_MS = 60_000;
/** Some ten times what genai-prices publishes. */
const MAX_BYTES = 32 * 1024 * 1024;

/** Gets a text from an address that the operator has named. */
async function fetchText(url: string, stop: AbortSignal): Promise<string> {
  const signal = AbortSignal.any([stop, AbortSignal.timeout(TIMEOUT_MS)]);
  try {
    const answer = await fetch(url, { signal });
    if (!answer.ok || answer.body === null)
      throw new NewerPricesFault(fault(url, `it answers HTTP ${answer.status}`), EXIT_FAILURE);
    return await readBounded(answer.body, url);
  } catch (cause) {
    if (cause instanceof NewerPricesFault) throw cause;
    throw new NewerPricesFault(fault(url, reasonOf(cause)), EXIT_FAILURE, { cause });
  }
}

async function readBounded(body: ReadableStream<Uint8Array>, url: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES)
      throw new NewerPricesFault(fault(url, `it is longer than ${MAX_BYTES / 1024 / 1024} MiB`), EXIT_FAILURE);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function fault(url: string, reason: string): string {
  return `${url} cannot be fetched: ${reason}.\nWhere there is no way to it, fetch it elsewhere and give it with --book FILE.`;
}

/** `fetch` says "fetch failed", and why in its cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `it took longer than ${TIMEOUT_MS / 1_000} s`;
  const { cause } = error;
  const inner = cause instanceof AggregateError ? cause.errors[0] : cause;
  return inner instanceof Error && inner.message !== '' ? inner.message : error.message;
}
