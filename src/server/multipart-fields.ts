import { Busboy, type BusboyHeaders, type BusboyInstance } from '@fastify/busboy';
import type { ClientRequest } from './client-request.ts';

/**
 * Reads the small fields of a multipart body that goes by (wire.md 7: multipart must stream). Files are skipped; the
 * `model` field may come before or after them.
 */
export class MultipartFields {
  readonly #parser: BusboyInstance | null;
  model: string | null = null;
  stream = false;
  /** The field `n`: how many images are asked for. */
  count: string | undefined;
  /** True when the body was read to its end or can no longer be read as multipart. */
  finished = false;

  constructor(request: ClientRequest) {
    this.#parser = openParser(request);
    if (this.#parser === null) {
      this.finished = true;
      return;
    }
    this.#parser.on('field', (name, value) => this.#take(name, value));
    this.#parser.on('file', (_name, file) => file.resume());
    this.#parser.on('finish', () => {
      this.finished = true;
    });
    // A body that is no multipart is the upstream's to judge; it is forwarded as it is.
    this.#parser.on('error', () => {
      this.finished = true;
    });
  }

  push(chunk: Buffer): void {
    if (!this.finished) this.#parser?.write(chunk);
  }

  end(): void {
    if (!this.finished) this.#parser?.end();
  }

  #take(name: string, value: string): void {
    if (name === 'model' && value !== '') this.model = value;
    if (name === 'n') this.count = value;
    if (name === 'stream') this.stream = value === 'true' || value === '1';
  }
}

const LIMITS = { fieldSize: 4096, fields: 1000, parts: 1000, headerPairs: 200 };

function openParser(request: ClientRequest): BusboyInstance | null {
  const contentType = request.headers['content-type'];
  if (contentType === undefined) return null;
  const headers: BusboyHeaders = { 'content-type': contentType };
  try {
    return new Busboy({ headers, limits: LIMITS });
  } catch {
    return null; // no boundary, for instance
  }
}
