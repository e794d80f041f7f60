import { KINDS, type KindName } from './ending-kinds.ts';
import type { LeavePolicy, Scene } from './ending-scenes.ts';
import { type SocketCall, startSocketUpstream } from './socket-upstream.ts';
import { startProxy, type TestProxy } from './start-proxy.ts';
import { connectWatched } from './watched-client.ts';

/** A Metertap between clients and an upstream that the test plays. */
export interface Stage extends AsyncDisposable {
  readonly proxy: TestProxy;
  /** Makes a call of this kind, and gives it once the upstream has received it whole. */
  open(cell: string, kind: KindName): Promise<Scene>;
}

export interface StageOptions {
  readonly policy: LeavePolicy;
  /** The names of the calls that will be made: each has a key and a team of its own. */
  readonly cells: readonly string[];
  /** Further configuration, as YAML. */
  readonly yaml?: string;
  /** Members of the upstream's `timeouts`, as YAML. */
  readonly timeouts?: string;
  readonly streams?: string;
  readonly dataDir?: string;
}

const keyOf = (cell: string) => `sk-matrix-${cell}`;

/** How many rounds through the event loop are surely enough for what has happened to a socket to be known. */
const ROUNDS = 3;

export async function startStage(options: StageOptions): Promise<Stage> {
  const waiting = new Map<string, (call: SocketCall) => void>();
  const upstream = await startSocketUpstream((call) => {
    const name = call.header('x-call') ?? '';
    const arrived = waiting.get(name);
    if (arrived === undefined) throw new Error(`nobody waits for ${name}`);
    waiting.delete(name);
    arrived(call);
  });
  const proxy = await startProxy({
    upstreamUrl: upstream.url,
    yaml: yamlOf(options),
    ...(options.dataDir === undefined ? {} : { dataDir: options.dataDir }),
  });
  let count = 0;

  /** What has happened before a request is answered was known when it was: one loop serves all connections. */
  const settled = async () => {
    for (let round = 0; round < ROUNDS; round++) await (await fetch(`${proxy.url}/healthz`)).arrayBuffer();
  };

  const request = async (cell: string, head: string, body: Buffer) => {
    const name = `${cell}-${++count}`;
    const arrival = new Promise<SocketCall>((resolve) => waiting.set(name, resolve));
    const client = await connectWatched(proxy.url);
    const headers = [
      `host: x`,
      `authorization: Bearer ${keyOf(cell)}`,
      `x-call: ${name}`,
      `content-length: ${body.length}`,
    ];
    client.send(`${head}\r\n${headers.join('\r\n')}\r\n\r\n`);
    client.send(body);
    // An answer of Metertap itself means that nothing will arrive.
    const refused = client
      .when(({ status }) => status !== null && waiting.has(name))
      .then(() => {
        throw new Error(`${name} was refused: ${client.transcript.body.toString()}`);
      });
    refused.catch(() => undefined);
    return { client, call: await Promise.race([arrival, refused]) };
  };

  return {
    proxy,
    open: async (cell, kindName) => {
      const kind = KINDS[kindName];
      const head = `POST ${kind.path} HTTP/1.1\r\ncontent-type: ${kind.contentType}`;
      const { client, call } = await request(cell, head, kind.body);
      return {
        kind,
        policy: options.policy,
        client,
        call,
        settled,
        further: (path) => request(cell, `GET ${path} HTTP/1.1`, Buffer.alloc(0)),
      };
    },
    [Symbol.asyncDispose]: async () => {
      await proxy.close();
      await upstream.close();
    },
  };
}

function yamlOf(options: StageOptions): string {
  const keys = options.cells.map((cell) => `  - { id: "${cell}", team: "${cell}", key: "${keyOf(cell)}" }`);
  return [
    'auth: { mode: passthrough }',
    'rates: { management_per_minute: 1000000 }',
    'log: { level: error }',
    `streams: { client_leaves: ${options.policy}, ${options.streams ?? 'drain_max_ms: 20000'} }`,
    'upstreams:',
    '  - name: matrix',
    '    base_url: http://replaced.invalid/v1',
    `    timeouts: { ${options.timeouts ?? 'first_byte_ms: 20000, idle_ms: 20000'} }`,
    'keys:',
    ...keys,
    options.yaml ?? '',
  ].join('\n');
}
