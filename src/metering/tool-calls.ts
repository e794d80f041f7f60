import type { MemberSpan } from '../core/json-members.ts';
import { eachElement, isObjectAt, MemberNames, membersAt, scalarOf, textOf } from './json-spans.ts';

const CHOICE_MEMBERS = new MemberNames(['index', 'message', 'delta']);
const MESSAGE_MEMBERS = new MemberNames(['tool_calls', 'function_call']);
const CALL_MEMBERS = new MemberNames(['index', 'id', 'function', 'custom']);
const NAME_MEMBERS = new MemberNames(['name']);

/** What is in the names of calls, and the one escape by which a key could spell a letter otherwise. Both begin rarely. */
const CALL_NAME = '_call';
const CALL_NAME_BYTES = Buffer.from(CALL_NAME);
const ESCAPE = '\\u';
/** What that escape has behind it for a letter of ASCII. In a long answer backslashes are many, two zeros few. */
const ESCAPE_ZEROS = Buffer.from('00');
/** After so many other zeros the escape itself is looked for. */
const MAX_ZEROS = 64;
const BACKSLASH = 0x5c;
const LOWER_U = 0x75;
/** Up to here it is quicker to make a text and search it: a search in a Buffer takes long to begin. */
const MAX_TEXT_BYTES = 16 * 1024;

/**
 * Whether there may be calls in this value: false where no key of it can name any, which a search for the bytes tells at a
 * fraction of what a walk costs.
 */
export function mayHoldCalls(bytes: Buffer, { valueStart, valueEnd }: MemberSpan): boolean {
  if (valueEnd - valueStart > MAX_TEXT_BYTES) {
    const value = bytes.subarray(valueStart, valueEnd);
    return value.includes(CALL_NAME_BYTES) || holdsEscapedLetter(value);
  }
  const text = bytes.toString('latin1', valueStart, valueEnd);
  return text.includes(CALL_NAME) || text.includes(ESCAPE);
}

function holdsEscapedLetter(bytes: Buffer): boolean {
  let at = bytes.indexOf(ESCAPE_ZEROS);
  for (let seen = 0; at >= 0; seen++) {
    if (seen === MAX_ZEROS) return bytes.includes(ESCAPE);
    if (bytes[at - 1] === LOWER_U && bytes[at - 2] === BACKSLASH) return true;
    at = bytes.indexOf(ESCAPE_ZEROS, at + ESCAPE_ZEROS.length);
  }
  return false;
}

/** So many calls are told apart in one answer; of more each named fragment counts as a call. */
const MOST_TOLD_APART = 10_000;

/** How an upstream tells one streamed call from another: its place in the message, and its id. */
interface CallSign {
  readonly choice: number;
  readonly index: number | null;
  readonly id: string | null;
}

/**
 * Counts the tool calls that a model asks for in chat answers.
 *
 * A streamed call comes in fragments: the first has the function's name, most others only arguments. Some upstreams
 * repeat the name, send several calls under one index with different ids, or leave out the index and send each call
 * whole; so a named fragment is a new call if its id is new at its index.
 */
export class ToolCallCounter {
  #count = 0;
  /** The ids seen at each place; made with the first call, as most streams have none. */
  #seen: Map<string, Set<string>> | null = null;
  #toldApart = 0;

  get count(): number {
    return this.#count;
  }

  /** Counts the calls in the `choices` of a whole answer. */
  addMessages(bytes: Buffer, choicesStart: number): void {
    eachElement(bytes, choicesStart, (choice) => {
      const message = choiceMember(bytes, choice, 'message');
      const before = this.#count;
      if (message.toolCalls !== null) {
        eachElement(bytes, message.toolCalls, (call) => {
          if (isObjectAt(bytes, call)) this.#count++;
        });
      }
      // From before there were tool calls; some send it beside them, empty or repeating the one.
      if (this.#count === before && holdsName(bytes, message.functionCall)) this.#count++;
    });
  }

  /** Counts the calls that begin in the `choices` of one event of a stream. */
  addDeltas(bytes: Buffer, choicesStart: number): void {
    let position = 0;
    eachElement(bytes, choicesStart, (choice) => {
      const delta = choiceMember(bytes, choice, 'delta');
      const index = delta.index ?? position++;
      const before = this.#count;
      if (delta.toolCalls !== null) {
        eachElement(bytes, delta.toolCalls, (call) => this.#addFragment(bytes, call, index));
      }
      if (this.#count === before && holdsName(bytes, delta.functionCall)) {
        this.#addCall({ choice: index, index: LEGACY_INDEX, id: null });
      }
    });
  }

  #addFragment(bytes: Buffer, callStart: number, choice: number): void {
    const call = membersAt(bytes, callStart, CALL_MEMBERS);
    const kinds = [call?.get('function')?.valueStart, call?.get('custom')?.valueStart];
    if (!call || !kinds.some((start) => holdsName(bytes, start))) return;
    const index = scalarOf(bytes, call.get('index'));
    this.#addCall({ choice, index: typeof index === 'number' ? index : null, id: textOf(bytes, call.get('id')) });
  }

  #addCall({ choice, index, id }: CallSign): void {
    if (index === null && id === null) {
      this.#count++; // nothing could tie a later fragment to it, so it is a call of its own
      return;
    }
    this.#seen ??= new Map();
    const place = `${choice}/${index ?? ''}`;
    const ids = this.#seen.get(place) ?? new Set();
    if (id === null ? ids.size > 0 : ids.has(id)) return;
    this.#count++;
    if (this.#toldApart === MOST_TOLD_APART) return;
    this.#toldApart++;
    ids.add(id ?? '');
    this.#seen.set(place, ids);
  }
}

/** The one `function_call` of a choice, from before there were `tool_calls`, stands at no index. */
const LEGACY_INDEX = -1;

interface MessageCalls {
  readonly index: number | null;
  readonly toolCalls: number | null;
  readonly functionCall: number | undefined;
}

function choiceMember(bytes: Buffer, choiceStart: number, name: 'message' | 'delta'): MessageCalls {
  const choice = membersAt(bytes, choiceStart, CHOICE_MEMBERS);
  const index = scalarOf(bytes, choice?.get('index'));
  const message = choice?.get(name);
  const calls = message === undefined ? null : membersAt(bytes, message.valueStart, MESSAGE_MEMBERS);
  return {
    index: typeof index === 'number' ? index : null,
    toolCalls: calls?.get('tool_calls')?.valueStart ?? null,
    functionCall: calls?.get('function_call')?.valueStart,
  };
}

function holdsName(bytes: Buffer, start: number | undefined): boolean {
  const members = start === undefined ? null : membersAt(bytes, start, NAME_MEMBERS);
  return textOf(bytes, members?.get('name')) !== null;
}
