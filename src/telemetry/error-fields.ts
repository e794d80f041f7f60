/** What a log says of an error: never its further properties, which may hold a request, a response or its body. */
export interface ErrorFields {
  readonly type: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: ErrorFields;
}

const MAX_CAUSES = 5;
const MAX_MESSAGE_LENGTH = 1000;
const WITHHELD = 'message withheld: it may quote what was parsed';

/** Reads the fields of an error and of what caused it. Values that are no errors are named by their type only. */
export function errorFields(error: unknown): ErrorFields {
  return fieldsOf(error, MAX_CAUSES);
}

function fieldsOf(error: unknown, causesLeft: number): ErrorFields {
  if (!(error instanceof Error)) return { type: typeof error, message: 'not an Error' };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const frames = stackFrames(error);
  return {
    type: error.name,
    message: safeMessage(error),
    ...(code === undefined ? {} : { code }),
    ...(frames === '' ? {} : { stack: frames }),
    ...(error.cause === undefined || causesLeft === 0 ? {} : { cause: fieldsOf(error.cause, causesLeft - 1) }),
  };
}

/** A `SyntaxError` of `JSON.parse` quotes the text that it could not parse, and that may be a prompt. */
function safeMessage(error: Error): string {
  if (error instanceof SyntaxError) return WITHHELD;
  return error.message.length > MAX_MESSAGE_LENGTH ? `${error.message.slice(0, MAX_MESSAGE_LENGTH)}…` : error.message;
}

/** The stack without its head, which repeats the message. */
function stackFrames(error: Error): string {
  const lines = (error.stack ?? '').split('\n');
  return lines.filter((line) => /^ {4}at /.test(line)).join('\n');
}
