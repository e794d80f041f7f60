import type { Config } from '../../config/schema.ts';
import { SINK_KINDS } from '../../core/sink-kinds.ts';
import { pingRedis } from '../../limits/redis-ping.ts';
import { readBundledBook } from '../../pricing/bundled-book.ts';
import { createPriceLookup } from '../../pricing/price-lookup.ts';
import { type Finding, fail, ok, reasonOf, warn } from './finding.ts';
import { reach, Unreachable } from './reach.ts';

export async function checkRedis(url: string, timeoutMs: number): Promise<Finding> {
  try {
    await pingRedis(url, timeoutMs);
    return ok('redis', 'answers');
  } catch (error) {
    const hint = 'Start it, or correct redis_url; without it limits and rates are not shared between processes.';
    return fail('redis', `does not answer: ${withoutUrl(reasonOf(error))}`, hint);
  }
}

/** A URL may have a password in it. */
function withoutUrl(text: string): string {
  return text.replace(/rediss?:\S+/g, '[its URL]');
}

/** Whether the host of each sink can be connected to. No event is sent: some receivers would bill it. */
export function checkSinks(sinks: Config['sinks'], timeoutMs: number): Promise<Finding[]> {
  return Promise.all(
    sinks.map(async ({ name, kind, url }) => {
      const check = `sink ${name}`;
      const address = url ?? SINK_KINDS[kind].defaultUrl;
      if (address === null) return fail(check, 'has no address', 'Set its url.');
      try {
        await reach(new URL(address), timeoutMs);
        return ok(check, `${new URL(address).host} can be reached`);
      } catch (error) {
        if (!(error instanceof Unreachable)) throw error;
        return warn(check, error.message, `${error.hint} Events wait for it in the ledger.`);
      }
    }),
  );
}

/** Whether the models that the configuration names have prices, and its upstreams any at all. */
export function checkPrices(
  config: Config,
  { bookText, nowMs }: { readonly bookText: string; readonly nowMs: number },
): Finding[] {
  const lookup = createPriceLookup(config, readBundledBook(bookText));
  return config.upstreams.map(({ name, models }) => {
    const check = `prices ${name}`;
    const hint =
      'Add them under prices: in the configuration; docs/prices.md shows how. Until then the cost is unknown.';
    const rows = lookup.rowsAt(name).length;
    if (rows === 0) return warn(check, 'no model of it has a price', hint);
    const unpriced = models.filter(
      (model) => !model.includes('*') && lookup.explain({ model, upstream: name, atMs: nowMs }).price === null,
    );
    if (unpriced.length > 0) return warn(check, `without a price: ${unpriced.join(', ')}`, hint);
    return ok(check, `${rows} rows`);
  });
}
