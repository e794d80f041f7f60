import fc from 'fast-check';
import { Histogram, Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { CallHistogram } from '../../../src/telemetry/call-histogram.ts';

const SETTINGS = { name: 'seconds', help: 'How long it took.', buckets: [0.01, 0.25, 1] };

it('shows what a histogram of prom-client shows', async () => {
  const label = fc.constantFrom('openai', 'a "b"\\c', '');
  const value = fc.oneof(fc.constantFrom(0.01, 0.25, 1, 0, -1), fc.double({ min: 0, max: 2, noNaN: true }));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(label, label, value)), async (seen) => {
      const labelNames = ['upstream', 'model'];
      const [ours, theirs] = [new Registry(), new Registry()];
      const histogram = new CallHistogram({ ...SETTINGS, labelNames, registers: [ours] });
      const expected = new Histogram({ ...SETTINGS, labelNames, registers: [theirs] });
      for (const [upstream, model, seconds] of seen) {
        histogram.add([upstream, model], seconds);
        expected.observe({ upstream, model }, seconds);
      }
      expect(await ours.metrics()).toBe(await theirs.metrics());
    }),
  );
});

it('without labels is there before anything was seen', async () => {
  const [ours, theirs] = [new Registry(), new Registry()];
  const histogram = new CallHistogram({ ...SETTINGS, labelNames: [], registers: [ours] });
  const expected = new Histogram({ ...SETTINGS, registers: [theirs] });
  expect(await ours.metrics()).toBe(await theirs.metrics());
  histogram.add([], 0.3);
  expected.observe(0.3);
  expect(await ours.metrics()).toBe(await theirs.metrics());
});
