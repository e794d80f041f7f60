import { type LedgerErrorData, ledgerErrorData, ledgerErrorOf } from './ledger-error.ts';
import { toLedgerError } from './sqlite-error.ts';

/** A table of calls between threads: for each name what goes in and what comes out. */
export type CallTable<Table> = { readonly [Name in keyof Table]: { input: unknown; output: unknown } };

export type Outcome<Output> =
  | { readonly ok: true; readonly value: Output }
  | { readonly ok: false; readonly error: LedgerErrorData };

/**
 * The way back. The thread that answers posts any value (`unknown`). Between threads types are a promise only, and
 * the one that waits knows its own: it reads values as `never`, which fits the table's type of each call.
 */
export interface Answer<Value> {
  readonly kind: 'answer';
  readonly id: number;
  readonly outcome: Outcome<Value>;
}

/** One call on its way to the other thread, as a union over the table. */
export type Request<Table extends CallTable<Table>> = {
  [Name in keyof Table]: {
    readonly kind: 'call';
    readonly id: number;
    readonly name: Name;
    readonly input: Table[Name]['input'];
  };
}[keyof Table];

/** The calling side: keeps who waits for which answer. */
export class WorkerCalls<Table extends CallTable<Table>> {
  readonly #post: (request: Request<Table>) => void;
  readonly #waiting = new Map<number, { settle: (outcome: Outcome<never>) => void; fail: (error: Error) => void }>();
  #lastId = 0;

  constructor(post: (request: Request<Table>) => void) {
    this.#post = post;
  }

  /** Calls the other thread. Rejects with the error that it answers with, or with that of `failAll`. */
  call<Name extends keyof Table>(name: Name, input: Table[Name]['input']): Promise<Table[Name]['output']> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const settle = (outcome: Outcome<Table[Name]['output']>): void => {
        if (outcome.ok) resolve(outcome.value);
        else reject(ledgerErrorOf(outcome.error));
      };
      this.#waiting.set(id, { settle, fail: reject });
      this.#post({ kind: 'call', id, name, input });
    });
  }

  answered(answer: Answer<never>): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    waiting?.settle(answer.outcome);
  }

  /** The other thread is gone: nobody will answer. */
  failAll(error: Error): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { fail } of waiting) fail(error);
  }
}

/** The answering side: runs `work` and gives its value, or its error as data, as the answer to the call. */
export async function answerTo(id: number, work: () => unknown): Promise<Answer<unknown>> {
  try {
    return { kind: 'answer', id, outcome: { ok: true, value: await work() } };
  } catch (error) {
    return { kind: 'answer', id, outcome: { ok: false, error: ledgerErrorData(toLedgerError(error)) } };
  }
}
