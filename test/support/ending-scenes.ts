import {
  type AnswerPieces,
  type CallKind,
  HTML_ERROR,
  half,
  JSON_ERROR,
  RESPONSE_ID,
  RETRIEVED,
} from './ending-kinds.ts';
import { LAST_CHUNK, type SocketCall } from './socket-upstream.ts';
import type { WatchedClient } from './watched-client.ts';

/** What becomes of the upstream's answer when a client leaves. */
export type LeavePolicy = 'drain' | 'abort';

/** One call of the matrix, with both its sides in the test's hand. */
export interface Scene {
  readonly kind: CallKind;
  readonly policy: LeavePolicy;
  readonly client: WatchedClient;
  /** The call as the upstream has received it, whole. */
  readonly call: SocketCall;
  /** Resolves when Metertap has seen everything that has been done to its sockets so far. */
  settled(): Promise<void>;
  /** Sends another request of the same client, and gives the upstream's side of it. */
  further(path: string): Promise<{ readonly client: WatchedClient; readonly call: SocketCall }>;
}

/** A play of both sides, from the moment when the upstream has the request until nothing more is to be done. */
export type Play = (scene: Scene) => Promise<void>;

function sees(client: WatchedClient, piece: Buffer): Promise<void> {
  return client.when(({ body }) => body.includes(piece));
}

function seesTheEnd(client: WatchedClient): Promise<void> {
  return client.when(({ whole }) => whole);
}

function wholeOf({ first, middle, usage, last }: AnswerPieces): Buffer {
  return Buffer.concat([first, middle, usage, last]);
}

async function writeHead({ kind, call }: Scene, { isChunked = !kind.hasLength } = {}): Promise<void> {
  const framing = isChunked ? 'transfer-encoding: chunked' : `content-length: ${wholeOf(kind.answer).length}`;
  await call.write(`HTTP/1.1 200 OK\r\ncontent-type: ${kind.answerType}\r\n${framing}\r\n\r\n`);
}

async function write({ kind, call }: Scene, ...parts: readonly Buffer[]): Promise<void> {
  for (const part of parts) {
    if (part.length > 0) await (kind.hasLength ? call.write(part) : call.writeChunk(part));
  }
}

async function finish({ kind, call }: Scene): Promise<void> {
  if (!kind.hasLength) await call.write(LAST_CHUNK);
}

const JSON_TYPE = 'application/json';

interface WholeAnswer {
  readonly status: string;
  readonly type: string;
  readonly body: string | Buffer;
}

async function answerError({ call, client }: Scene, answer: WholeAnswer): Promise<void> {
  await writeWhole(call, answer);
  await seesTheEnd(client);
}

async function writeWhole(call: SocketCall, answer: WholeAnswer): Promise<void> {
  const length = Buffer.byteLength(answer.body);
  await call.write(`HTTP/1.1 ${answer.status}\r\ncontent-type: ${answer.type}\r\ncontent-length: ${length}\r\n\r\n`);
  await call.write(answer.body);
}

async function answerAll(scene: Scene): Promise<void> {
  const { first, middle, usage, last } = scene.kind.answer;
  await writeHead(scene);
  await write(scene, first, middle, usage, last);
  await finish(scene);
}

/** The first piece has reached Metertap, and the client where it is let through. */
async function upToFirst(scene: Scene): Promise<void> {
  await writeHead(scene);
  await write(scene, scene.kind.answer.first);
  if (isHeld(scene.kind)) await scene.settled();
  else await sees(scene.client, scene.kind.seen.first);
}

/** A JSON document is held until it is whole. */
function isHeld(kind: CallKind): boolean {
  return kind.answerType === JSON_TYPE;
}

/** The client is gone: a drain reads on and gets the rest, an abort has ended the upstream's connection. */
async function afterLeaving(scene: Scene, answerTheRest: () => Promise<void>): Promise<void> {
  if (scene.policy === 'abort') {
    await scene.call.over;
    return;
  }
  await scene.settled();
  await answerTheRest();
}

export const PLAYS = {
  completed: async (scene) => {
    await answerAll(scene);
    await seesTheEnd(scene.client);
  },
  retrieved: async (scene) => {
    await answerAll(scene);
    await seesTheEnd(scene.client);
    const retrieve = await scene.further(`/v1/responses/${RESPONSE_ID}`);
    await writeWhole(retrieve.call, { status: '200 OK', type: JSON_TYPE, body: RETRIEVED });
    await seesTheEnd(retrieve.client);
    retrieve.client.leave();
  },
  refusedAsJson: (scene) => answerError(scene, { status: '429 Too Many Requests', type: JSON_TYPE, body: JSON_ERROR }),
  failedAsJson: (scene) =>
    answerError(scene, { status: '500 Internal Server Error', type: JSON_TYPE, body: JSON_ERROR }),
  refusedAsHtml: (scene) => answerError(scene, { status: '404 Not Found', type: 'text/html', body: HTML_ERROR }),
  failedAsHtml: (scene) =>
    answerError(scene, { status: '503 Service Unavailable', type: 'text/html', body: HTML_ERROR }),
  errorInside: async (scene) => {
    const failure = scene.kind.failure?.pieces;
    if (failure === undefined) throw new Error('this kind has no such error');
    if (scene.kind.hasLength) {
      await writeWhole(scene.call, { status: '200 OK', type: scene.kind.answerType, body: wholeOf(failure) });
    } else {
      await writeHead(scene);
      await write(scene, failure.first, failure.middle);
      await finish(scene);
    }
    await seesTheEnd(scene.client);
  },
  cutBeforeHeaders: async ({ call, client }) => {
    call.end();
    await seesTheEnd(client);
  },
  cutBeforeFirstEvent: async (scene) => {
    await writeHead(scene);
    scene.call.end();
    await isOver(scene);
  },
  cutWithinEvent: async (scene) => {
    await writeHead(scene);
    await write(scene, scene.kind.answer.first, half(scene.kind.answer.middle));
    scene.call.end();
    await isOver(scene);
  },
  /** The body is chunked, whatever the kind: else its end is known with its last byte, and nothing is left to cut. */
  cutAfterUsage: async (scene) => {
    const { first, middle, usage } = scene.kind.answer;
    await writeHead(scene, { isChunked: true });
    for (const part of [first, middle, usage]) if (part.length > 0) await scene.call.writeChunk(part);
    // The client has what it is to get, so that what follows meets the answer at rest.
    if (!isHeld(scene.kind)) await sees(scene.client, lastOf([scene.kind.seen.middle, scene.kind.seen.usage]));
    scene.call.end();
    await isOver(scene);
  },
  silent: (scene) => isOver(scene),
  /** A document is let through when it takes too long, which is before the upstream is given up. */
  silentAfterFirst: async (scene) => {
    await writeHead(scene);
    await write(scene, scene.kind.answer.first);
    await sees(scene.client, scene.kind.seen.first);
    await isOver(scene);
  },
  /** Each piece is sent when the client has the one before; a document is let through when it takes too long. */
  slow: async (scene) => {
    const { answer, seen } = scene.kind;
    await writeHead(scene);
    for (const name of ['first', 'middle', 'usage'] as const) {
      await write(scene, answer[name]);
      const isLastOfDocument =
        isHeld(scene.kind) && (name === 'usage' || (name === 'middle' && answer.usage.length === 0));
      if (seen[name].length > 0 && !isLastOfDocument) await sees(scene.client, seen[name]);
    }
    await write(scene, answer.last);
    await finish(scene);
    await seesTheEnd(scene.client);
  },
  leavesBeforeHeaders: async (scene) => {
    scene.client.leave();
    await afterLeaving(scene, () => answerAll(scene));
  },
  leavesAfterFirst: async (scene) => {
    const { middle, usage, last } = scene.kind.answer;
    await upToFirst(scene);
    scene.client.leave();
    await afterLeaving(scene, async () => {
      await write(scene, middle, usage, last);
      await finish(scene);
    });
  },
  leavesThenSilence: async (scene) => {
    await upToFirst(scene);
    scene.client.leave();
    await scene.call.over;
  },
  /** A comment after the usage shows when the client is past it, also where the usage itself is hidden. */
  leavesAfterUsage: async (scene) => {
    const { first, middle, usage, last } = scene.kind.answer;
    await writeHead(scene);
    await write(scene, first, middle, usage, Buffer.from(': past the usage of this stream\n\n'));
    await sees(scene.client, Buffer.from(': past the usage of this stream\n\n'));
    scene.client.leave();
    await afterLeaving(scene, async () => {
      await write(scene, last);
      await finish(scene);
    });
  },
  /** The client has the last byte that means something; the upstream has not ended the body yet. */
  leavesAtTheEnd: async (scene) => {
    const { answer, seen } = scene.kind;
    await writeHead(scene);
    await write(scene, answer.first, answer.middle, answer.usage, answer.last);
    await sees(scene.client, lastOf([seen.middle, seen.usage, seen.last]));
    scene.client.leave();
    await scene.settled();
    await finish(scene);
  },
  halfOpen: async (scene) => {
    scene.client.endSending();
    await scene.settled();
    if (scene.policy === 'abort') await scene.call.over;
    else await answerAll(scene);
    await scene.client.when((_transcript, isClosed) => isClosed);
  },
} as const satisfies Readonly<Record<string, Play>>;

/** What a call is left in while Metertap is shut down. */
export const OPEN_SCENES = {
  beforeHeaders: async () => undefined,
  afterFirst: upToFirst,
  afterUsage: async (scene) => {
    const { first, middle, usage } = scene.kind.answer;
    await writeHead(scene);
    await write(scene, first, middle, usage);
    await sees(scene.client, lastOf([scene.kind.seen.middle, scene.kind.seen.usage]));
    await scene.settled();
  },
} as const satisfies Readonly<Record<string, Play>>;

/** The rest of an answer whose first piece is sent. */
export async function answerRest(scene: Scene): Promise<void> {
  const { middle, usage, last } = scene.kind.answer;
  await write(scene, middle, usage, last);
  await finish(scene);
  await seesTheEnd(scene.client);
}

/** Waits until the client's side is over: by a whole answer, or by a cut. */
function isOver({ client }: Scene): Promise<void> {
  return client.when(({ whole }, isClosed) => isClosed || whole);
}

function lastOf(parts: readonly Buffer[]): Buffer {
  return parts.findLast((part) => part.length > 0) ?? Buffer.alloc(0);
}
