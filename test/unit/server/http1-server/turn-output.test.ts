import { describe, expect, it } from 'vitest';
import { type DueAnswer, type OutputSocket, TurnOutput } from '../../../../src/server/http1-server/turn-output.ts';

/** A socket that takes what is written at once, or keeps the memory that it was given until it is read. */
class FakeSocket implements OutputSocket {
  readonly #kept: Buffer[] = [];
  readonly #takesAtOnce: boolean;
  #taken = '';

  constructor(takesAtOnce: boolean) {
    this.#takesAtOnce = takesAtOnce;
  }

  get writableLength(): number {
    return this.#kept.reduce((length, bytes) => length + bytes.length, 0);
  }

  write(bytes: Buffer): void {
    if (this.#takesAtOnce) this.#taken += bytes.toString('latin1');
    else this.#kept.push(bytes);
  }

  /** All that was written, as it stands in its memory now. */
  read(): string {
    return this.#taken + Buffer.concat(this.#kept).toString('latin1');
  }
}

function write(output: TurnOutput, socket: OutputSocket, text: string): void {
  const room = output.room(text.length);
  room.write(text, 'latin1');
  output.write(socket, room);
}

function answer(flushed: () => void): DueAnswer {
  return { flushDue: flushed };
}

function endOfTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe('what answers write in one turn', () => {
  it('arrives whole where the sockets take it at once', () => {
    const output = new TurnOutput();
    const [one, other] = [new FakeSocket(true), new FakeSocket(true)];
    for (const text of ['first', 'the second', 'third']) {
      write(output, one, text);
      write(output, other, text.toUpperCase());
    }
    expect(one.read()).toBe('firstthe secondthird');
    expect(other.read()).toBe('FIRSTTHE SECONDTHIRD');
  });

  it('is not written over while a socket still has to take it', () => {
    const output = new TurnOutput();
    const [slow, quick] = [new FakeSocket(false), new FakeSocket(true)];
    for (const text of ['first', 'other', 'third']) {
      write(output, slow, text);
      write(output, quick, text.toUpperCase());
    }
    expect(slow.read()).toBe('firstotherthird');
    expect(quick.read()).toBe('FIRSTOTHERTHIRD');
  });
});

describe('answers that wait for the end of a turn', () => {
  it('are flushed in their order, and not before', async () => {
    const output = new TurnOutput();
    const flushed: number[] = [];
    for (const number of [1, 2, 3]) output.flushSoon(answer(() => flushed.push(number)));
    expect(flushed).toEqual([]);
    await endOfTurn();
    expect(flushed).toEqual([1, 2, 3]);
  });

  it('are flushed in the next turn if they come during a flush', async () => {
    const output = new TurnOutput();
    const flushed: string[] = [];
    output.flushSoon(
      answer(() => {
        flushed.push('first');
        output.flushSoon(answer(() => flushed.push('second')));
      }),
    );
    await endOfTurn();
    expect(flushed).toEqual(['first']);
    await endOfTurn();
    expect(flushed).toEqual(['first', 'second']);
  });

  it('do not wait for the end where there are many, each of them once', async () => {
    const output = new TurnOutput();
    let flushed = 0;
    for (let i = 0; i < 1000; i++) output.flushSoon(answer(() => flushed++));
    expect(flushed).toBeGreaterThan(900);
    await endOfTurn();
    expect(flushed).toBe(1000);
  });
});
