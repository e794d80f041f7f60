import { expect, it } from 'vitest';
import { viewRecord } from '../../../src/reporting/record-view.ts';
import { makeCallRecord } from '../../support/make-call-record.ts';

it('shows every member of a record and nothing that the ledger keeps beside it', () => {
  const record = makeCallRecord(1, { usage_raw: { prompt_tokens: 100 }, labels: { a: 'b' } });
  expect(viewRecord({ ...record, ...{ row_number: 7 } })).toEqual({ ...record, corrected_cost_usd: record.cost_usd });
});
