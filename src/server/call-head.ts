import type { IncomingHttpHeaders } from 'node:http';
import { type HeadIds, readHeadIds } from '../attribution/carriers.ts';
import { Credential, credentialOf } from '../attribution/credential.ts';
import { classifyEndpoint, type Endpoint } from '../metering/endpoints.ts';
import type { ClientRequest } from './client-request.ts';
import { readTarget, type Target } from './target.ts';

const RETRY_COUNT = /^\d{1,3}$/;

/** What the head of a request says by itself: of its call nothing else is needed to know it, and no time changes it. */
export class CallHead {
  readonly target: Target;
  readonly endpoint: Endpoint;
  readonly credential: Credential | null;
  /** `x-stainless-retry-count`, which both official SDKs send: the only mark of their own retries (wire.md 4.1). */
  readonly retryCount: number;
  #ids: HeadIds | null = null;

  /** @throws MetertapError as `readTarget` */
  constructor({ method = 'GET', url = '/', headers }: ClientRequest) {
    this.target = readTarget(url);
    this.endpoint = classifyEndpoint(method, this.target.path);
    const credential = credentialOf(headers);
    this.credential = credential === null ? null : new Credential(credential);
    const retryCount = headers['x-stainless-retry-count'];
    this.retryCount = typeof retryCount === 'string' && RETRY_COUNT.test(retryCount) ? Number(retryCount) : 0;
  }

  /**
   * The ids that it carries, read when they are first asked for.
   *
   * @param headers those of the request, which are not kept here
   * @throws MetertapError `invalid_attribution`
   */
  idsIn(headers: IncomingHttpHeaders): HeadIds {
    this.#ids ??= readHeadIds(headers, this.target.pathRunId);
    return this.#ids;
  }
}

/** Heads of calls. Of requests that say the same (`ClientRequest.likeness`) there is one. */
export class CallHeads {
  readonly #known = new WeakMap<object, CallHead>();

  /** @throws MetertapError as `readTarget` */
  of(request: ClientRequest): CallHead {
    const { likeness = null } = request;
    if (likeness === null) return new CallHead(request);
    const known = this.#known.get(likeness);
    if (known !== undefined) return known;
    const head = new CallHead(request);
    this.#known.set(likeness, head);
    return head;
  }
}
