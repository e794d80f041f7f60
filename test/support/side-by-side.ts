import { createSimulator } from '../../src/simulator/server.ts';
import type { CatalogueRequest } from './simulator-requests.ts';
import { startProxy, type TestProxy } from './start-proxy.ts';
import { toldUsage } from './told-usage.ts';
import { comparedHeaders, exchange, headerOf, type WireAnswer, type WireRequest } from './wire-exchange.ts';

/** Two simulators that are asked the same in the same order: one directly, one through Metertap. */
export interface SideBySide extends AsyncDisposable {
  readonly proxy: TestProxy;
  /** Sends the request both ways, with ids of their own for each request unless it fixes them. */
  ask(request: CatalogueRequest): Promise<Sides>;
}

/** One request, answered without Metertap and with it. */
export interface Sides {
  readonly request: CatalogueRequest;
  readonly direct: WireAnswer;
  readonly via: WireAnswer;
  /** The answer without Metertap to the client that asks for usage; null where the request is that client's. */
  readonly asked: WireAnswer | null;
  /** What the simulator says that the call has used; null where it says nothing. */
  readonly told: Record<string, unknown> | null;
}

export interface SideBySideOptions {
  readonly dialect?: string;
  /** Further configuration, as YAML. */
  readonly yaml?: string;
  /** A host name in the place of 127.0.0.1 in Metertap's upstream; the test sees to its resolution. */
  readonly host?: string;
}

/** The tests read the ledger more often than an operator may, and compare it with what was told, not with estimates. */
const SETTINGS = 'rates: { management_per_minute: 1000000 }\nestimates: { missing_usage: leave }\n';

export async function startSideBySide(options: SideBySideOptions = {}): Promise<SideBySide> {
  const simulation = { port: 0, dialect: options.dialect ?? 'openai', recordBodies: false };
  const reference = await createSimulator(simulation);
  const upstream = await createSimulator(simulation);
  const proxy = await startProxy({
    upstreamUrl: `http://${options.host ?? '127.0.0.1'}:${upstream.port}/v1`,
    yaml: SETTINGS + (options.yaml ?? ''),
  });
  let count = 0;
  return {
    proxy,
    ask: async (request) => {
      const id = { 'x-sim-id': `t${++count}` };
      const fixed = <T extends WireRequest>(wire: T): T => ({ ...wire, headers: { ...id, ...wire.headers } });
      const direct = await exchange(reference.baseUrl, fixed(request));
      const asked = request.asked === null ? null : await exchange(reference.baseUrl, fixed(request.asked));
      const via = await exchange(proxy.baseUrl, fixed(request));
      // An upstream that rejects the question tells its usage unasked, or not at all.
      const teller = asked === null || asked.status !== direct.status ? direct : asked;
      return { request, direct, via, asked, told: toldUsage(teller) };
    },
    [Symbol.asyncDispose]: async () => {
      await proxy.close();
      await Promise.all([reference.close(), upstream.close()]);
    },
  };
}

/**
 * In what the answer through Metertap is not the expected one, in words; empty where it is the same.
 *
 * @param expected the answer without Metertap, unless a known difference says otherwise
 */
export function differencesOf({ request, direct, via }: Sides, expected: WireAnswer = direct): string[] {
  const differences: string[] = [];
  const differ = (what: string, without: unknown, withMetertap: unknown) =>
    differences.push(`${request.name}: ${what} ${JSON.stringify(without)} became ${JSON.stringify(withMetertap)}`);
  if (direct.status !== request.status) differ('the expected status', request.status, direct.status);
  if (via.status !== expected.status) differ('status', expected.status, via.status);
  if (via.statusText !== expected.statusText) differ('status text', expected.statusText, via.statusText);
  if (via.whole !== expected.whole) differ('whole', expected.whole, via.whole);
  const without = comparedHeaders(expected).map((pair) => pair.join(': '));
  const withMetertap = comparedHeaders(via).map((pair) => pair.join(': '));
  if (without.join('\n') !== withMetertap.join('\n')) differ('headers', without, withMetertap);
  if (!via.body.equals(expected.body)) {
    const at = firstDifference(expected.body, via.body);
    const around = (body: Buffer) => body.toString('latin1', Math.max(0, at - 80), at + 80);
    differ(`body at byte ${at}`, around(expected.body), around(via.body));
  }
  return differences;
}

/** In what the ledger does not say what the simulator said; empty where it does. */
export function ledgerDifferences(all: readonly Sides[], records: readonly Record<string, unknown>[]): string[] {
  const byId = new Map(records.map((record) => [record['id'], record]));
  const differences: string[] = [];
  for (const { request, via, told } of all) {
    const record = byId.get(headerOf(via, 'x-metertap-request-id'));
    if ((record !== undefined) !== request.isRecorded) {
      differences.push(`${request.name}: ${record === undefined ? 'has no record' : 'has a record'}`);
    }
    if (record === undefined) continue;
    const said = JSON.stringify(record['usage_raw']);
    if (said !== JSON.stringify(told)) {
      differences.push(`${request.name}: told ${JSON.stringify(told)}, the ledger has ${said}`);
    }
    const source = told === null ? 'missing' : 'reported';
    if (record['usage_source'] !== source) differences.push(`${request.name}: source is ${record['usage_source']}`);
  }
  const recorded = all.filter((sides) => sides.request.isRecorded).length;
  if (records.length !== recorded) differences.push(`${recorded} calls have ${records.length} records`);
  return differences;
}

function firstDifference(one: Buffer, other: Buffer): number {
  const length = Math.min(one.length, other.length);
  for (let at = 0; at < length; at++) if (one[at] !== other[at]) return at;
  return length;
}
