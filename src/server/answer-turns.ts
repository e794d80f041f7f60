/** An answer that has let others have their turn, and waits for its own. */
export interface WaitingAnswer {
  takeTurn(): void;
}

/** How many answers go on in one turn of the event loop. Each brings a read of some 64 KiB. */
const ANSWERS_A_TURN = 16;

/**
 * Whose turn it is among answers that come as fast as they are taken. However many they are, a turn of the event loop has
 * few of them, and the same few go on for a while: of each answer that waits in the middle of an event what has come of it
 * is held, and memory that is held for long is freed only by a collection of everything.
 */
export class AnswerTurns {
  /** In the order in which they have come. */
  #waiting: WaitingAnswer[] = [];
  /** Those of `#waiting` before this one have had their turn. */
  #next = 0;
  /** Those that go on before any that waits. */
  #goingOn: WaitingAnswer[] = [];
  #isDue = false;

  /** Whether others wait for their turn. */
  get isBusy(): boolean {
    return this.#next < this.#waiting.length || this.#goingOn.length > 0;
  }

  /** Has `answer` wait until all that have waited before it have had their turn. */
  wait(answer: WaitingAnswer): void {
    this.#waiting.push(answer);
    this.#come();
  }

  /** Has `answer` go on in the next turn of the event loop, if not too many do. */
  goOn(answer: WaitingAnswer): void {
    this.#goingOn.push(answer);
    this.#come();
  }

  #come(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(this.#give);
  }

  readonly #give = (): void => {
    this.#isDue = false;
    const given = this.#goingOn.splice(0, ANSWERS_A_TURN);
    while (given.length < ANSWERS_A_TURN && this.#next < this.#waiting.length) {
      const answer = this.#waiting[this.#next++];
      if (answer !== undefined) given.push(answer);
    }
    if (this.#next === this.#waiting.length || this.#next > MOST_GONE) {
      this.#waiting = this.#waiting.slice(this.#next);
      this.#next = 0;
    }
    if (this.isBusy) this.#come();
    for (const answer of given) answer.takeTurn();
  };
}

/** So many that have had their turn are kept in the list before it is made anew. */
const MOST_GONE = 1024;
