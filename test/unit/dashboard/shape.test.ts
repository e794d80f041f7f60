import { describe, expect, it } from 'vitest';
import { recordAnswer, runTreeAnswer, usageAnswer } from '../../../dashboard/src/api/answers.ts';
import { flag, list, maybe, number, object, text } from '../../../dashboard/src/api/shape.ts';
import { viewRecord } from '../../../src/reporting/record-view.ts';
import { makeCallRecord, makeOpenRecord } from '../../support/make-call-record.ts';
import { ADMIN, makeManagementApp } from '../server-management/management-app.ts';

describe('shapes of answers', () => {
  const shape = object({ name: text, count: maybe(number), items: list(object({ isNew: flag })) });

  it('take what fits, and leave out what nobody asked for', () => {
    const value = { name: 'a', items: [{ isNew: true, further: 1 }], further: 2 };
    expect(shape(value, 'answer')).toEqual({ name: 'a', count: null, items: [{ isNew: true }] });
  });

  it.each([
    [{ name: 1, items: [] }, 'text at answer.name'],
    [{ name: 'a', items: {} }, 'list at answer.items'],
    [{ name: 'a', items: [{ isNew: 'yes' }] }, 'true or false at answer.items[0].isNew'],
    [null, 'object at answer'],
  ])('refuse %j and say where', (value, where) => {
    expect(() => shape(value, 'answer')).toThrow(`The answer has no ${where}.`);
  });
});

describe('what the page expects of the management API is what it gives', () => {
  const { app } = makeManagementApp([
    makeCallRecord(1),
    makeCallRecord(2, { run_id: 'child', parent_run_id: 'nightly-42' }),
  ]);
  const ask = async (url: string): Promise<unknown> => (await app.inject({ url, headers: ADMIN })).json();

  it('for a run with its tree', async () => {
    const run = runTreeAnswer(await ask('/api/v1/runs/nightly-42?include=children'), 'answer');
    expect(run.children_tree.map(({ run_id: id }) => id)).toEqual(['child']);
  });

  it('for usage', async () => {
    const range = 'start_time=2026-11-22T12:00:00Z&end_time=2026-11-22T13:00:00Z';
    const usage = usageAnswer(await ask(`/api/v1/usage?bucket=1h&group_by=team,model&${range}`), 'answer');
    expect(usage.data[0]?.results[0]).toMatchObject({ team: 'research', requests: 2, unpriced: 0 });
  });

  it('for records, open ones too', () => {
    for (const record of [makeCallRecord(1), makeOpenRecord(2)]) {
      expect(recordAnswer(JSON.parse(JSON.stringify(viewRecord(record))), 'answer').id).toBe(record.id);
    }
  });
});
