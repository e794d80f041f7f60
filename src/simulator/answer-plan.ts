import type { Conversation, FunctionTool } from './conversation.ts';
import { sampleOf } from './schema-sample.ts';
import type { Steering } from './steering.ts';

/** What an answer will say, decided before a byte of it is written, so that JSON and stream say the same. */
export type AnswerPlan = TextPlan | CallsPlan;

export interface TextPlan {
  readonly kind: 'text';
  /** One content event each. */
  readonly pieces: readonly string[];
  /** Whether the request's token limit ended the text. */
  readonly cutShort: boolean;
}

export interface CallsPlan {
  readonly kind: 'calls';
  readonly calls: readonly PlannedCall[];
}

export interface PlannedCall {
  readonly name: string;
  /** The JSON text of the arguments, one content event each; the event that names the function is one more. */
  readonly pieces: readonly string[];
}

/** An agent SDK's handoff is a tool of such a name. */
const HANDOFF_PREFIX = 'transfer_to_';
const DEFAULT_EVENTS = 5;
const PIECE_LENGTH = 16;
const WORDS: readonly string[] = ['Hello', ' from', ' the', ' simulator', '.', ' More', ' of', ' the', ' same', '.'];

/** Decides on the answer (docs/simulator.md, "What it answers"). */
export function planAnswer(conversation: Conversation, steering: Steering): AnswerPlan {
  const calls = chooseCalls(conversation, steering);
  if (calls.length > 0) return { kind: 'calls', calls: calls.map(planCall) };
  const pieces = textPieces(conversation, steering);
  const limit = conversation.maxOutputTokens ?? pieces.length;
  return { kind: 'text', pieces: pieces.slice(0, limit), cutShort: limit < pieces.length };
}

/** The content events of a plan: its output tokens before reasoning. */
export function contentEventsOf(plan: AnswerPlan): number {
  if (plan.kind === 'text') return plan.pieces.length;
  return plan.calls.reduce((sum, call) => sum + 1 + call.pieces.length, 0);
}

/** Texts of `x-sim-events` pieces of `x-sim-event-bytes` bytes: what legacy completions say, and chat by default. */
export function steeredPieces(steering: Steering): readonly string[] {
  const events = steering.events ?? DEFAULT_EVENTS;
  if (steering.eventBytes !== null) return new Array<string>(events).fill('x'.repeat(steering.eventBytes));
  return Array.from({ length: events }, (_, index) => WORDS[index % WORDS.length] ?? '');
}

/** Cuts a text into pieces of sixteen characters, never within a surrogate pair. */
export function cutText(text: string): readonly string[] {
  const characters = Array.from(text);
  const pieces: string[] = [];
  for (let at = 0; at < characters.length; at += PIECE_LENGTH) {
    pieces.push(characters.slice(at, at + PIECE_LENGTH).join(''));
  }
  return pieces;
}

function textPieces(conversation: Conversation, steering: Steering): readonly string[] {
  if (conversation.schema !== null) return cutText(JSON.stringify(sampleOf(conversation.schema)));
  return steering.echo ? cutText(conversation.lastText) : steeredPieces(steering);
}

function planCall(tool: FunctionTool): PlannedCall {
  const parameters = tool.parameters ?? { type: 'object' };
  return { name: tool.name, pieces: cutText(JSON.stringify(sampleOf(parameters))) };
}

function chooseCalls(conversation: Conversation, steering: Steering): readonly FunctionTool[] {
  const { tools, toolChoice, calledNames } = conversation;
  if (steering.toolCalls !== null) {
    // Not after a result: an agent that sends the header with every call would never end.
    return conversation.lastResultOf === null ? steeredCalls(tools, steering.toolCalls) : [];
  }
  if (toolChoice.kind === 'none') return [];
  if (toolChoice.kind === 'named') {
    const { name } = toolChoice;
    return calledNames.has(name) ? [] : tools.filter((tool) => tool.name === name);
  }
  const open = tools.filter((tool) => !calledNames.has(tool.name));
  const mayUseFunction = conversation.lastResultOf === null || isHandoff(conversation.lastResultOf);
  const next = (mayUseFunction ? open.find((tool) => !isHandoff(tool.name)) : undefined) ?? open.find(isHandoffTool);
  return next === undefined ? [] : [next];
}

function steeredCalls(tools: readonly FunctionTool[], count: number): readonly FunctionTool[] {
  const offered = tools.length > 0 ? tools : [{ name: 'simulated_tool', parameters: { type: 'object' } }];
  return Array.from({ length: count }, (_, index) => offered[index % offered.length]).filter(
    (tool) => tool !== undefined,
  );
}

function isHandoff(name: string): boolean {
  return name.startsWith(HANDOFF_PREFIX);
}

function isHandoffTool(tool: FunctionTool): boolean {
  return isHandoff(tool.name);
}
