import { describe, expect, it } from 'vitest';
import { isoTime, isTime } from '../../../src/ledger/iso-time.ts';

const DAY_MS = 86_400_000;

describe('a time', () => {
  it('is what the ledger writes, on each day of four years', () => {
    for (let day = 0; day < 4 * 366; day++) {
      const ms = Date.UTC(2024, 0, 1) + day * DAY_MS + ((day * 7_919_131) % DAY_MS);
      expect([isTime(isoTime(ms)), Date.parse(isoTime(ms))]).toEqual([true, ms]);
    }
    expect([isTime(isoTime(-1)), isTime(isoTime(Number.MAX_SAFE_INTEGER))]).toEqual([true, true]);
  });

  it('is what can be read as one, and nothing else', () => {
    const texts = [
      '',
      'yesterday',
      '2026-11-22',
      '2026-11-22T03:46:32Z',
      '2026-11-22T24:00:00.000Z',
      '2026-02-31T00:00:00.000Z',
    ];
    for (const month of ['00', '01', '12', '13', '1x']) {
      for (const day of ['00', '01', '28', '29', '30', '31', '32']) {
        for (const hour of ['00', '23', '24', '25']) {
          for (const rest of [
            ':59:59.999Z',
            ':60:00.000Z',
            ':00:60.000Z',
            ':00:00.00Z',
            ':00:00.000',
            ':00:00.000z\n',
          ]) {
            texts.push(`2026-${month}-${day}T${hour}${rest}`);
          }
        }
      }
    }
    for (const text of texts) expect([text, isTime(text)]).toEqual([text, !Number.isNaN(Date.parse(text))]);
  });
});
