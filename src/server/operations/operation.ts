import type { TSchema } from 'typebox';
import type { ErrorCode } from '../../core/errors.ts';

/** Who may ask. `metrics` is open to this machine only. */
export type Access = 'open' | 'metrics' | 'reader' | 'admin_reader' | 'admin';

/** One content type of an answer. */
export interface AnswerContent {
  readonly schema: TSchema;
  /** Shown to people, and held against the schema by a test. Never with a secret. */
  readonly example?: unknown;
}

export interface Answer {
  readonly description: string;
  /** By content type; absent where there is no body. */
  readonly content?: Readonly<Record<string, AnswerContent>>;
  /** Headers of this answer beside those that every answer has, and what they say. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface OperationBody {
  readonly schema: TSchema;
  readonly example: unknown;
  readonly isRequired: boolean;
}

/**
 * What one route of the management API takes and gives, as data. The handlers validate by hand, because their messages
 * say what to do; tests hold each description against the handler: the names of parameters and members, their words and
 * bounds, and real answers.
 */
export interface Operation {
  /** The name of the operation in generated clients. */
  readonly id: string;
  readonly tag: Tag;
  /** One line, without a full stop. */
  readonly summary: string;
  readonly description?: string;
  readonly access: Access;
  /** Query parameters; each schema has a description. A parameter is required where it says so. */
  readonly query?: Readonly<Record<string, TSchema>>;
  readonly requiredQuery?: readonly string[];
  readonly body?: OperationBody;
  /** Good answers, by status. */
  readonly answers: Readonly<Record<number, Answer>>;
  /** Codes of refusals beside those that follow from the access, the parameters and the body. */
  readonly errors?: readonly ErrorCode[];
}

/** By method and path template: `GET /api/v1/runs/{run_id}`. */
export type OperationTable = Readonly<Record<string, Operation>>;

/** The chapters of the reference, in its order. */
export const TAGS = {
  Runs: 'Agent runs and sessions, with what they used and cost.',
  Usage: 'Sums by time, and the records behind them.',
  Organization: "Usage, costs and lists in the shapes of OpenAI's organization API.",
  Limits: 'What may be used, and how much of it has been.',
  Prices: 'What models cost.',
  Statements: 'What months have cost, and corrections.',
  'Teams and keys': 'Who may call, and what for.',
  Sinks: 'Where events are sent.',
  Sessions: 'Signing in from a browser.',
  Operation: 'How Metertap itself is.',
} as const;
export type Tag = keyof typeof TAGS;

/** An answer of one JSON value. */
export function json(description: string, schema: TSchema, example?: unknown): Answer {
  return { description, content: { 'application/json': example === undefined ? { schema } : { schema, example } } };
}
