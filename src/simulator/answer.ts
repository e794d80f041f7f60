/** An answer that is known as a whole. */
export interface WholeAnswer {
  readonly kind: 'whole';
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer of server-sent events. `events` gives each event as its text on the wire, blank line included. */
export interface StreamAnswer {
  readonly kind: 'stream';
  readonly events: Iterable<string>;
}

export type Answer = WholeAnswer | StreamAnswer;

/** The members of OpenAI's error envelope (wire.md 6.1). */
export interface ErrorMembers {
  readonly message: string;
  readonly type?: string;
  readonly param?: string | null;
  readonly code?: string | null;
}

/** Thrown by whatever refuses a request; carries the answer that says why. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly answer: WholeAnswer;

  constructor(answer: WholeAnswer) {
    super(typeof answer.body === 'string' ? answer.body : 'refused');
    this.answer = answer;
  }
}

/** An answer with a JSON text as its body. */
export function jsonAnswer(body: string, status = 200): WholeAnswer {
  return { kind: 'whole', status, contentType: 'application/json', body };
}

/** The text of an error envelope; the type is `invalid_request_error` unless said otherwise. */
export function errorText(error: ErrorMembers): string {
  const { message, type = 'invalid_request_error', param = null, code = null } = error;
  return JSON.stringify({ error: { message, type, param, code } });
}

/** Makes the refusal to throw. */
export function refusal(status: number, error: ErrorMembers): Refused {
  return new Refused(jsonAnswer(errorText(error), status));
}
