import type { ClientRequest } from './client-request.ts';
import { headersForUpstream, type UpstreamHeaderOptions } from './headers.ts';
import { headerLines } from './http1/request-head.ts';

/** The headers of a request as it goes to an upstream. */
export interface OutgoingHeaders {
  readonly headers: readonly string[];
  /** The same as they are written, where requests have had them before; else null. */
  readonly lines: string | null;
}

type Way = Pick<UpstreamHeaderOptions, 'replaceCredential' | 'dropContentEncoding' | 'plainAnswer'>;

interface Made extends OutgoingHeaders {
  readonly way: Way;
}

/**
 * The headers that go on to one upstream. Of requests whose heads say the same (`ClientRequest.likeness`) they are made
 * once, as a list and as the lines that are written.
 */
export class RepeatedHeaders {
  readonly #made = new WeakMap<object, Made>();

  /** @param options with the upstream that these are of */
  of(request: ClientRequest, options: UpstreamHeaderOptions): OutgoingHeaders {
    const { likeness = null } = request;
    if (likeness === null || options.contentLength !== null) {
      return { headers: headersForUpstream(request, options), lines: null };
    }
    const known = this.#made.get(likeness);
    if (known !== undefined && isSameWay(known.way, options)) return known;
    const headers = headersForUpstream(request, options);
    // What is put together of many parts is looked through part by part each time that it is written, unless it is copied.
    const lines = Buffer.from(headerLines(headers), 'latin1').toString('latin1');
    const { replaceCredential, dropContentEncoding, plainAnswer } = options;
    const made = { headers, lines, way: { replaceCredential, dropContentEncoding, plainAnswer } };
    this.#made.set(likeness, made);
    return made;
  }
}

function isSameWay(one: Way, other: Way): boolean {
  return (
    one.replaceCredential === other.replaceCredential &&
    one.dropContentEncoding === other.dropContentEncoding &&
    one.plainAnswer === other.plainAnswer
  );
}
