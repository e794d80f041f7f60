import { eachObject, isObjectAt, MemberNames, membersAt, objectOf, type Spans, textOf } from './json-spans.ts';

const ITEM_MEMBERS = new MemberNames(['type', 'svg_usage']);

/**
 * Counts what stands in a response's `output`: the tool calls, hosted ones included (wire.md 1.3), and the usage that
 * some of them report on their own, which is no part of the response's usage.
 */
export class OutputItems {
  #items = 0;
  #toolCalls = 0;
  #ownUsage: Record<string, unknown>[] | null = null;

  /** How many items were seen, of any kind. */
  get count(): number {
    return this.#items;
  }

  get toolCalls(): number {
    return this.#toolCalls;
  }

  /** The `svg_usage` objects of image-generation calls. */
  get ownUsage(): readonly Record<string, unknown>[] {
    return this.#ownUsage ?? [];
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
    if (usage !== null) {
      this.#ownUsage ??= [];
      this.#ownUsage.push(usage);
    }
  }
}
