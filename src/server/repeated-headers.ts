import type { ClientRequest } from './client-request.ts';
import { headersForUpstream, type UpstreamHeaderOptions } from './headers.ts';
import type { RepeatedHead } from './http1/request-head.ts';

/** The headers of a request as it goes to an upstream. */
export interface OutgoingHeaders {
  readonly headers: readonly string[];
  /** Shared with all requests that have the same, and the same method and path; null where none is known. */
  readonly repeated: RepeatedHead | null;
}

type Way = Pick<UpstreamHeaderOptions, 'replaceCredential' | 'dropContentEncoding' | 'plainAnswer'>;

interface Made extends OutgoingHeaders {
  readonly way: Way;
}

/**
 * The headers that go on to one upstream. Of requests whose heads say the same (`ClientRequest.likeness`) they are made
 * once.
 */
export class RepeatedHeaders {
  readonly #made = new WeakMap<object, Made>();

  /** @param options with the upstream that these are of */
  of(request: ClientRequest, options: UpstreamHeaderOptions): OutgoingHeaders {
    const { likeness = null } = request;
    if (likeness === null || options.contentLength !== null) {
      return { headers: headersForUpstream(request, options), repeated: null };
    }
    const known = this.#made.get(likeness);
    if (known !== undefined && isSameWay(known.way, options)) return known;
    const { replaceCredential, dropContentEncoding, plainAnswer } = options;
    const way = { replaceCredential, dropContentEncoding, plainAnswer };
    const made = { headers: headersForUpstream(request, options), repeated: { opening: null }, way };
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
