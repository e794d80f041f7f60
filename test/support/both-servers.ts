import { type AnswerScript, type FakeUpstream, type ReceivedRequest, startFakeUpstream } from './fake-upstream.ts';
import { connectRaw, type RawClient } from './raw-client.ts';
import { startProxy, type TestProxy } from './start-proxy.ts';

/** What a client does on its connection; resolves when it has done it. */
export type ClientScript = (client: RawClient) => Promise<void>;

/** What came of a script: everything that the client received, and what reached the upstream meanwhile. */
export interface Outcome {
  /** One character a byte; ids and dates, which differ from call to call, are replaced. */
  readonly received: string;
  readonly upstream: readonly Omit<ReceivedRequest, 'headers'>[];
}

/** Two Metertaps with an upstream each: one reads plain requests itself, the other leaves all of them to Node's `http`. */
export interface BothServers extends AsyncDisposable {
  /** Plays the script against both, each on a connection of its own, until the server has closed it. */
  play(script: ClientScript): Promise<{ readonly own: Outcome; readonly node: Outcome }>;
}

interface Side {
  readonly upstream: FakeUpstream;
  readonly proxy: TestProxy;
}

export async function startBothServers(answer: AnswerScript, yaml = ''): Promise<BothServers> {
  const own = await startSide(answer, yaml, true);
  const node = await startSide(answer, yaml, false);
  return {
    play: async (script) => ({ own: await playOn(own, script), node: await playOn(node, script) }),
    [Symbol.asyncDispose]: async () => {
      await Promise.all([own.proxy.close(), node.proxy.close()]);
      await Promise.all([own.upstream.close(), node.upstream.close()]);
    },
  };
}

async function startSide(answer: AnswerScript, yaml: string, ownHttp: boolean): Promise<Side> {
  const upstream = await startFakeUpstream(answer);
  return { upstream, proxy: await startProxy({ upstreamUrl: upstream.url, yaml, ownHttp }) };
}

async function playOn({ upstream, proxy }: Side, script: ClientScript): Promise<Outcome> {
  const before = upstream.requests.length;
  await using client = await connectRaw(proxy.url);
  await script(client);
  const received = await client.closed();
  return {
    received: withoutChance(received),
    upstream: upstream.requests
      .slice(before)
      .map(({ method, url, rawHeaders, body }) => ({ method, url, rawHeaders: withoutHost(rawHeaders), body })),
  };
}

/** Less what is by chance: ids of calls, dates, and what is left of rates and budgets. */
function withoutChance(received: string): string {
  return received.replaceAll(/\b[0-9A-HJKMNP-TV-Z]{26}\b/g, 'ID').replaceAll(/^(date): .*$/gim, '$1: DATE');
}

/** The upstream's own address differs from side to side. */
function withoutHost(rawHeaders: readonly string[]): string[] {
  return rawHeaders.map((text, i) => (i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === 'host' ? 'HOST' : text));
}
