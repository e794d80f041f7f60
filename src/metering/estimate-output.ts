import type { Endpoint } from './endpoints.ts';
import { eventsIn, type OutputEvidence } from './estimate-sample.ts';
import { type JsonVisitor, scanJson } from './estimate-scan.ts';
import { type CountableText, NO_TEXT, TextTally } from './estimate-text.ts';

/** What of an answer came out of a model as tokens, where nobody reports how many it was. */
export interface OutputText {
  readonly text: CountableText;
  /** Whether the answer has the member in which answers of its kind stand: something answered that is a model. */
  readonly isAnswer: boolean;
}

interface OutputRules {
  /** The member of the outermost object in which the answer stands. */
  readonly section: string;
  /** Names whose strings in it are text. */
  readonly textNames: ReadonlySet<string>;
}

/** Parts of an answer that repeat its text, or are none. */
const PASSED_OVER: ReadonlySet<string> = new Set([
  'annotations',
  'logprobs',
  'reasoning_details', // OpenRouter: repeats `reasoning`
  'content_filter_results',
  'results',
  'tools',
]);

/** Two names for one thing, of which some upstreams send both: that which comes first counts. */
const REASONING_NAMES: ReadonlySet<string> = new Set(['reasoning_content', 'reasoning']);

const CHAT: OutputRules = {
  section: 'choices',
  textNames: new Set(['content', 'text', 'reasoning_content', 'reasoning', 'refusal', 'name', 'arguments']),
};
const COMPLETIONS: OutputRules = { section: 'choices', textNames: new Set(['text']) };
const RESPONSE: OutputRules = {
  section: 'output',
  textNames: new Set(['text', 'refusal', 'name', 'arguments', 'input', 'code']),
};
/** Of a response's events only those are in the sample that add to it (`response.output_text.delta`). */
const RESPONSE_EVENTS: OutputRules = { section: 'delta', textNames: new Set(['delta']) };
/** Vectors are no tokens. */
const EMBEDDINGS: OutputRules = { section: 'data', textNames: new Set() };

const RULES: ReadonlyMap<string, { readonly document: OutputRules; readonly events: OutputRules }> = new Map([
  ['chat/completions', { document: CHAT, events: CHAT }],
  ['completions', { document: COMPLETIONS, events: COMPLETIONS }],
  ['responses', { document: RESPONSE, events: RESPONSE_EVENTS }],
  ['embeddings', { document: EMBEDDINGS, events: EMBEDDINGS }],
]);

const MAX_NAME_BYTES = 64;

const NOTHING: OutputText = { text: NO_TEXT, isAnswer: false };

/** Gives what is to be counted of an answer, of which a document or a sample of events was kept. */
export function outputTextOf(endpoint: Endpoint, evidence: OutputEvidence): OutputText {
  const rules = RULES.get(endpoint.name);
  if (rules === undefined || evidence.kind === 'nothing') return NOTHING;
  const visitor = new OutputVisitor(rules[evidence.kind]);
  if (evidence.kind === 'document') {
    const walked = visitor.read(evidence.bytes);
    return { text: visitor.finish(walked), isAnswer: visitor.isAnswer };
  }
  for (const event of eventsIn(evidence.bytes)) visitor.read(event);
  return { text: visitor.finish(evidence.bytes.length / evidence.totalBytes), isAnswer: visitor.isAnswer };
}

class OutputVisitor implements JsonVisitor {
  readonly #rules: OutputRules;
  readonly #tally = new TextTally('');
  #bytes: Buffer = Buffer.alloc(0);
  #isInside = false;
  #name = '';
  #reasoningName: string | null = null;
  isAnswer = false;

  constructor(rules: OutputRules) {
    this.#rules = rules;
  }

  /** Walks a text; gives the part of it that was walked. */
  read(bytes: Buffer): number {
    this.#bytes = bytes;
    this.#isInside = false;
    return scanJson(bytes, this);
  }

  member(start: number, end: number, depth: number): 'read' | 'skip' | 'stop' {
    this.#name = this.#bytes.toString('latin1', start, Math.min(end, start + MAX_NAME_BYTES));
    if (depth <= 1) {
      this.#isInside = this.#name === this.#rules.section;
      if (this.#isInside) this.isAnswer = true;
      if (this.#isInside && this.#rules.textNames.size === 0) return 'stop';
      return this.#isInside ? 'read' : 'skip';
    }
    return PASSED_OVER.has(this.#name) ? 'skip' : 'read';
  }

  text(start: number, end: number): void {
    if (!this.#isInside || end <= start || !this.#rules.textNames.has(this.#name)) return;
    if (REASONING_NAMES.has(this.#name)) {
      this.#reasoningName ??= this.#name;
      if (this.#name !== this.#reasoningName) return;
    }
    this.#tally.add(this.#bytes, start, end);
  }

  number(): void {}

  object(): void {}

  /** @param share of the answer that was walked, from 0 to 1 */
  finish(share: number): CountableText {
    return this.#tally.finish(share);
  }
}
