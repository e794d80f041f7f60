import { eachObject, isObjectAt, MemberNames, membersAt, objectOf, type Spans, textOf } from './json-spans.ts';
import { UsageDetails } from './usage-details.ts';

const ITEM_MEMBERS = new MemberNames(['type', 'svg_usage']);

/**
 * Counts what stands in a response's `output`: the tool calls, hosted ones included (wire.md 1.3), and the usage that
 * some of them report on their own, which is no part of the response's usage.
 */
export class OutputItems {
  #items = 0;
  #toolCalls = 0;
  #ownUsage: UsageDetails | null = null;

  /** How many items were seen, of any kind. */
  get count(): number {
    return this.#items;
  }

  get toolCalls(): number {
    return this.#toolCalls;
  }

  /** The sums of the `svg_usage` of image-generation calls, by their names in `details`; null where there is none. */
  get ownUsage(): Readonly<Record<string, number>> | null {
    return this.#ownUsage === null ? null : this.#ownUsage.toObject();
  }

  addAll(bytes: Buffer, outputStart: number): void {
    eachObject(bytes, outputStart, { wanted: ITEM_MEMBERS, visit: (item) => this.#add(bytes, item) });
  }

  add(bytes: Buffer, itemStart: number): void {
    const item = isObjectAt(bytes, itemStart) ? membersAt(bytes, itemStart, ITEM_MEMBERS) : null;
    if (item !== null) this.#add(bytes, item);
  }

  #add(bytes: Buffer, item: Spans): void {
    this.#items++;
    // `function_call`, `web_search_call`, `mcp_call`, …; what a call gave back is a `…_call_output`.
    if (textOf(bytes, item.get('type'))?.endsWith('_call')) this.#toolCalls++;
    const usage = objectOf(bytes, item.get('svg_usage'));
    if (usage === null) return;
    const own = new UsageDetails();
    own.collectBeside(usage, 'svg');
    this.#ownUsage ??= new UsageDetails();
    for (const [name, value] of Object.entries(own.toObject())) this.#ownUsage.add(name, value);
  }
}
