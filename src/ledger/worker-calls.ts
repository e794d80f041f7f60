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

interface Waiting {
  readonly id: number;
  readonly settle: (outcome: Outcome<never>) => void;
  readonly fail: (error: Error) => void;
}

/** Ids say in which slot their call waits. */
const SLOTS = 2 ** 20;

/**
 * The calling side: keeps who waits for which answer, in slots and not in a Map: a Map that much is put into and taken
 * out of leaves old tables behind that keep ended calls alive (docs/performance.md, "What was tried").
 */
export class WorkerCalls<Table extends CallTable<Table>> {
  readonly #post: (request: Request<Table>) => void;
  readonly #slots: (Waiting | null)[] = [];
  readonly #free: number[] = [];
  #calls = 0;

  constructor(post: (request: Request<Table>) => void) {
    this.#post = post;
  }

  /** Calls the other thread. Rejects with the error that it answers with, or with that of `failAll`. */
  call<Name extends keyof Table>(name: Name, input: Table[Name]['input']): Promise<Table[Name]['output']> {
    const slot = this.#free.pop() ?? this.#slots.length;
    this.#calls += 1;
    const id = this.#calls * SLOTS + slot;
    return new Promise((resolve, reject) => {
      const settle = (outcome: Outcome<Table[Name]['output']>): void => {
        if (outcome.ok) resolve(outcome.value);
        else reject(ledgerErrorOf(outcome.error));
      };
      this.#slots[slot] = { id, settle, fail: reject };
      this.#post({ kind: 'call', id, name, input });
    });
  }

  answered(answer: Answer<never>): void {
    const slot = answer.id % SLOTS;
    const waiting = this.#slots[slot] ?? null;
    if (waiting?.id !== answer.id) return; // whoever asked has been told otherwise
    this.#slots[slot] = null;
    this.#free.push(slot);
    waiting.settle(answer.outcome);
  }

  /** The other thread is gone: nobody will answer. */
  failAll(error: Error): void {
    for (const [slot, waiting] of this.#slots.entries()) {
      if (waiting === null) continue;
      this.#slots[slot] = null;
      this.#free.push(slot);
      waiting.fail(error);
    }
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
