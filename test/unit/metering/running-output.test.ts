import { describe, expect, it } from 'vitest';
import { RunningOutput } from '../../../src/metering/running-output.ts';

const chat = (content: string) =>
  Buffer.from(JSON.stringify({ id: 'chatcmpl-1', choices: [{ index: 0, delta: { content } }] }));

describe('the running estimate of a stream', () => {
  it('takes what all events have around their text for none, and each event for a token at least', () => {
    const output = new RunningOutput({ isResponses: false });
    expect(output.tokens).toBe(0);
    output.add(chat(''), null);
    for (let i = 0; i < 99; i++) output.add(chat('a'), null);
    expect(output.tokens).toBe(100);
    output.add(chat('x'.repeat(4_000)), null);
    expect(output.tokens).toBeGreaterThan(1_000);
    expect(output.tokens).toBeLessThan(1_100);
  });

  it('counts only what adds text to a response', () => {
    const output = new RunningOutput({ isResponses: true });
    const whole = Buffer.from(JSON.stringify({ type: 'response.completed', response: { text: 'x'.repeat(9_000) } }));
    output.add(whole, 'response.completed');
    expect(output.tokens).toBe(0);
    output.add(Buffer.from('{"type":"response.output_text.delta","delta":"a"}'), null);
    expect(output.tokens).toBe(1);
  });
});
