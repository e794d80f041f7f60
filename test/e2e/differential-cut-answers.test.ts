import { describe, expect, it } from 'vitest';
import { differencesOf, type Sides, startSideBySide } from '../support/side-by-side.ts';
import { type CatalogueRequest, dialectRequests } from '../support/simulator-requests.ts';
import { asRecord } from '../support/start-proxy.ts';
import { headerOf, type WireAnswer } from '../support/wire-exchange.ts';

/*
 * Answers that the simulator cuts off. A client must see as much as it would have seen without Metertap, and that it is
 * not the whole. Where nothing of an answer has gone out yet, it is told in an error what has happened.
 */

const CUTS: Readonly<Record<string, string>> = {
  'before the headers': '0',
  'after the headers': 'headers',
  'after one event': '1',
  'after four events': '4',
  'within the first event': 'mid',
  'within the fourth event': 'mid:3',
};

async function compareCut(cut: string, more: Readonly<Record<string, string>> = {}): Promise<Sides[]> {
  await using sides = await startSideBySide();
  const requests: CatalogueRequest[] = dialectRequests({ 'x-sim-cut-after': cut, ...more }, () =>
    cut === '0' ? 0 : 200,
  );
  const all: Sides[] = [];
  for (const request of requests) all.push(await sides.ask(request));
  const records = await sides.proxy.records();
  expect(records.map(({ ending, error_code }) => [ending, error_code])).toEqual(
    requests.map(() => ['upstream_cut', 'upstream_cut']),
  );
  return all;
}

const isStream = ({ direct }: Sides) => headerOf(direct, 'content-type')?.startsWith('text/event-stream') === true;
const isWithinEvent = (cut: string) => cut.startsWith('mid');

describe('an answer that is cut', () => {
  it.each(Object.entries(CUTS))('%s is as it is without Metertap, if a part of it has gone out', async (_name, cut) => {
    const streams = (await compareCut(cut)).filter(isStream);
    expect(streams.length).toBe(cut === '0' ? 0 : 5);
    const differences = streams.flatMap((sides) => differencesOf(sides, cutAnswer(sides, cut)));
    expect(differences).toEqual([]);
  });

  it.each(Object.entries(CUTS))('%s is an error, if nothing of it has gone out', async (_name, cut) => {
    const held = (await compareCut(cut)).filter((sides) => !isStream(sides));
    expect(held.length).toBe(cut === '0' ? 8 : 3);
    for (const { direct, via } of held) {
      expect(direct.whole).toBe(false);
      expect({ status: via.status, whole: via.whole, code: codeOf(via) }).toEqual({
        status: 502,
        whole: true,
        code: 'upstream_cut',
      });
    }
  });

  it('is delivered up to its last byte, however long it is', async () => {
    const large = { 'x-sim-events': '400', 'x-sim-event-bytes': '20000' };
    const streams = (await compareCut('390', large)).filter(isStream);
    expect(streams[0]?.direct.body.length).toBeGreaterThan(7_000_000);
    expect(streams.flatMap((sides) => differencesOf(sides))).toEqual([]);
  });
});

/**
 * What the client is to get. From a stream that is edited an event goes out only when it is whole: nobody can say
 * before what of it is the client's. So the piece of the last one, which no client could read, is missing.
 */
function cutAnswer({ request, direct }: Sides, cut: string): WireAnswer {
  if (request.asked === null || !isWithinEvent(cut)) return direct;
  const lastWhole = direct.body.lastIndexOf('\n\n');
  return { ...direct, body: direct.body.subarray(0, lastWhole < 0 ? 0 : lastWhole + 2) };
}

function codeOf(answer: WireAnswer): unknown {
  return asRecord(asRecord(JSON.parse(answer.body.toString()))['error'])['code'];
}
