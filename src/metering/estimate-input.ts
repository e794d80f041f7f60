import type { Endpoint } from './endpoints.ts';
import { type JsonVisitor, scanJson } from './estimate-scan.ts';
import { type CountableText, NO_TEXT, TextTally } from './estimate-text.ts';

/**
 * What of a request's body goes into a model as tokens, where nobody reports how many it was (standards.md 7.2). The
 * tables below say which members hold text; everything else of a body counts nothing.
 */

/**
 * How a member of the body is read. `messages`: a list of messages or items, or one text in their place. `tools`: JSON
 * schemas. `plain`: a text, several, or token ids.
 */
type SectionKind = 'messages' | 'tools' | 'plain';

const SECTIONS: ReadonlyMap<string, ReadonlyMap<string, SectionKind>> = new Map([
  [
    'chat/completions',
    new Map<string, SectionKind>([
      ['messages', 'messages'],
      ['tools', 'tools'],
      ['functions', 'tools'],
      ['response_format', 'tools'],
    ]),
  ],
  [
    'responses',
    new Map<string, SectionKind>([
      ['instructions', 'messages'],
      ['input', 'messages'],
      ['tools', 'tools'],
      ['text', 'tools'],
    ]),
  ],
  [
    'completions',
    new Map<string, SectionKind>([
      ['prompt', 'plain'],
      ['suffix', 'plain'],
    ]),
  ],
  ['embeddings', new Map<string, SectionKind>([['input', 'plain']])],
]);

/** Names whose strings are text, within messages and items: of contents, their parts, tool calls and their results. */
const TEXT_NAMES: ReadonlySet<string> = new Set([
  'content',
  'text',
  'refusal',
  'reasoning_content',
  'name',
  'arguments',
  'input',
  'output',
  'instructions',
]);

/** Members of messages that hold no text of theirs, although their parts have such names. */
const PASSED_OVER: ReadonlySet<string> = new Set(['annotations', 'logprobs', 'metadata', 'cache_control']);

/** What a picture is taken to cost: between 85 (`detail: low`) and some 1,500; the pixels are not looked at. */
const IMAGE_TOKENS = 1_000;
/** What a recording is taken to cost: most of a minute, at ten tokens a second. */
const AUDIO_TOKENS = 500;
/** What a document is taken to cost: some pages. */
const FILE_TOKENS = 2_000;

/** Parts that are not text, by their `type`. Their base64 is never looked at. */
const PART_TOKENS: ReadonlyMap<string, number> = new Map([
  ['image_url', IMAGE_TOKENS],
  ['input_image', IMAGE_TOKENS],
  ['computer_screenshot', IMAGE_TOKENS],
  ['input_audio', AUDIO_TOKENS],
  ['audio_url', AUDIO_TOKENS],
  ['file', FILE_TOKENS],
  ['input_file', FILE_TOKENS],
  ['video_url', FILE_TOKENS],
]);

/** Around each message: three, and its role. */
const MESSAGE_TOKENS = 4;
/** More where a message has a `name` of its own. */
const NAME_TOKENS = 1;
/** Less where its role is `function`. */
const FUNCTION_ROLE_TOKENS = -2;
/** The beginning of the answer, which the model is given. */
const REPLY_TOKENS = 3;
/** Around the definitions of all tools together, and around each. */
const TOOLS_TOKENS = 9;
const TOOL_TOKENS = 13;
/** Less where there is a system message too. */
const TOOLS_BESIDE_SYSTEM_TOKENS = -4;

/** Words of JSON schema: a model is shown a schema as types, in which they do not occur. */
const SCHEMA_WORDS: ReadonlySet<string> = new Set([
  'type',
  'function',
  'name',
  'description',
  'parameters',
  'properties',
  'required',
  'items',
  'enum',
  'strict',
  'schema',
  'json_schema',
  'format',
  'verbosity',
  'additionalProperties',
  'anyOf',
  'oneOf',
  'allOf',
  '$defs',
  '$ref',
  '$schema',
]);
/** Members of tools that a model is not shown. */
const UNSHOWN_IN_TOOLS: ReadonlySet<string> = new Set(['required', 'strict', '$schema', 'additionalProperties']);
/** Around each property: its name's colon, its line end. */
const PROPERTY_TOKENS = 2;

/** Depth of a message in `messages`, of a tool in `tools`: body, list, element. */
const ELEMENT_DEPTH = 3;
const MAX_NAME_BYTES = 64;

/** Whether calls of this endpoint are estimated where their usage is missing: those whose price is in tokens of text. */
export function isEstimable(endpoint: Endpoint): boolean {
  return endpoint.kind === 'metered' && SECTIONS.has(endpoint.name);
}

/**
 * Gives what is to be counted of a request. Prompts and history that the upstream has itself (`previous_response_id`,
 * `prompt`, `conversation`) are not in it.
 *
 * @param body the decoded body, JSON
 */
export function inputTextOf(endpoint: Endpoint, body: Buffer): CountableText {
  const sections = SECTIONS.get(endpoint.name);
  if (sections === undefined) return NO_TEXT;
  const visitor = new InputVisitor(body, sections);
  const walked = scanJson(body, visitor);
  return visitor.finish(walked);
}

class InputVisitor implements JsonVisitor {
  readonly #body: Buffer;
  readonly #sections: ReadonlyMap<string, SectionKind>;
  readonly #tally = new TextTally(' ');
  #section: SectionKind | null = null;
  /** The name that stands before the value, or before the list that it is in. */
  #name = '';
  #hasMessages = false;
  #hasSystemMessage = false;
  #hasTools = false;

  constructor(body: Buffer, sections: ReadonlyMap<string, SectionKind>) {
    this.#body = body;
    this.#sections = sections;
  }

  member(start: number, end: number, depth: number): 'read' | 'skip' {
    this.#name = textAt(this.#body, start, end);
    if (depth === 1) this.#section = this.#sections.get(this.#name) ?? null;
    if (this.#section === null) return 'skip';
    if (depth > 1 && this.#section === 'messages') return this.#messageMember(depth);
    return depth > 1 && this.#section === 'tools' ? this.#toolMember(start, end) : 'read';
  }

  text(start: number, end: number, depth: number): void {
    if (this.#section === 'messages') this.#messageText(start, end, depth);
    else if (this.#section !== null) this.#tally.add(this.#body, start, end);
  }

  number(): void {
    if (this.#section === 'plain') this.#tally.addTokens(1); // the id of a token
  }

  object(depth: number): void {
    if (depth !== ELEMENT_DEPTH) return;
    if (this.#section === 'messages') this.#addMessage();
    if (this.#section !== 'tools') return;
    this.#tally.addTokens(TOOL_TOKENS);
    this.#hasTools = true;
  }

  finish(walked: number): CountableText {
    if (this.#hasMessages) this.#tally.addTokens(REPLY_TOKENS);
    if (this.#hasTools) this.#tally.addTokens(TOOLS_TOKENS);
    if (this.#hasTools && this.#hasSystemMessage) this.#tally.addTokens(TOOLS_BESIDE_SYSTEM_TOKENS);
    return this.#tally.finish(walked);
  }

  #messageMember(depth: number): 'read' | 'skip' {
    if (PASSED_OVER.has(this.#name)) return 'skip';
    if (this.#name === 'name' && depth === ELEMENT_DEPTH) this.#tally.addTokens(NAME_TOKENS);
    return 'read';
  }

  #messageText(start: number, end: number, depth: number): void {
    if (depth === 1) this.#addMessage(); // one text in the place of a list
    if (this.#name === 'role') this.#addRole(textAt(this.#body, start, end));
    else if (this.#name === 'type') this.#tally.addTokens(PART_TOKENS.get(textAt(this.#body, start, end)) ?? 0);
    else if (TEXT_NAMES.has(this.#name)) this.#tally.add(this.#body, start, end);
  }

  #addMessage(): void {
    this.#hasMessages = true;
    this.#tally.addTokens(MESSAGE_TOKENS);
  }

  #addRole(role: string): void {
    if (role === 'function') this.#tally.addTokens(FUNCTION_ROLE_TOKENS);
    if (role === 'system' || role === 'developer') this.#hasSystemMessage = true;
  }

  #toolMember(start: number, end: number): 'read' | 'skip' {
    if (UNSHOWN_IN_TOOLS.has(this.#name)) return 'skip';
    if (SCHEMA_WORDS.has(this.#name)) return 'read';
    this.#tally.addTokens(PROPERTY_TOKENS);
    this.#tally.add(this.#body, start, end);
    return 'read';
  }
}

function textAt(bytes: Buffer, start: number, end: number): string {
  return end - start > MAX_NAME_BYTES ? '' : bytes.toString('latin1', start, end);
}
