import { describe, expect, it } from 'vitest';
import { csvRow } from '../../src/reporting/csv-text.ts';
import { focusCharges } from '../../src/reporting/focus-charge.ts';
import { FOCUS_VERSIONS, focusColumns } from '../../src/reporting/focus-columns.ts';
import { CALL_METER, FOCUS_METERS } from '../../src/reporting/focus-meter.ts';
import { RECORD_CSV_COLUMNS } from '../../src/reporting/record-csv.ts';
import { makeCallRecord } from '../support/make-call-record.ts';
import { csvObjects } from '../support/parse-csv.ts';
import { readText, tableCells } from './repository.ts';

const DOCS = readText('docs/exports.md');

/**
 * The columns that FOCUS makes mandatory and those of them that allow no null, by the tables of the Cost and Usage dataset
 * (https://focus.finops.org); 1.3 put the last two of 1.4 in the place of the last two of 1.2.
 */
const NEVER_NULL = [
  'BilledCost',
  'BillingAccountId',
  'BillingCurrency',
  'BillingPeriodEnd',
  'BillingPeriodStart',
  'ChargeCategory',
  'ChargePeriodEnd',
  'ChargePeriodStart',
  'ContractedCost',
  'EffectiveCost',
  'InvoiceIssuerName',
  'ListCost',
  'ServiceCategory',
  'ServiceName',
];
const MAY_BE_NULL = ['BillingAccountName', 'ChargeClass', 'ChargeDescription', 'PricingQuantity', 'PricingUnit'];
const BY_VERSION = { '1.2': ['ProviderName', 'PublisherName'], '1.4': ['HostProviderName', 'ServiceProviderName'] };

const namesOf = (heading: string) => tableCells(DOCS, heading).map(([name]) => name?.replaceAll('`', ''));

describe('docs/exports.md', () => {
  it('has one row for each column of CSV, in their order, and no other', () => {
    expect(namesOf('CSV column')).toEqual(RECORD_CSV_COLUMNS.map(({ name }) => name));
  });

  it('has one row for each column of FOCUS, in their order, and no other', () => {
    expect(namesOf('FOCUS column')).toEqual(focusColumns('1.2').map(({ name }) => name));
    const gone = tableCells(DOCS, 'FOCUS column').filter(([, value]) => value?.includes('Not in 1.4'));
    const left = new Set(focusColumns('1.4').map(({ name }) => name));
    const removed = focusColumns('1.2').filter(({ name }) => !left.has(name));
    expect(gone.map(([name]) => name?.replaceAll('`', ''))).toEqual(removed.map(({ name }) => name));
  });

  it('has one row for each meter, with its units, and no other', () => {
    const meters = [...Object.values(FOCUS_METERS), CALL_METER];
    expect(tableCells(DOCS, 'SkuMeter')).toEqual(meters.map((m) => [m.name, m.consumedUnit, m.pricingUnit]));
  });
});

describe.each(FOCUS_VERSIONS)('a row of FOCUS %s', (version) => {
  const columns = focusColumns(version);

  it.each([
    ['priced', makeCallRecord(1)],
    ['unpriced', makeCallRecord(2, { cost_nano_usd: null })],
    ['missing_usage', makeCallRecord(3, { cost_nano_usd: null, usage: null, usage_source: 'missing' })],
  ])('of a call that is %s has every mandatory column, and null only where it is allowed', (status, record) => {
    const header = `${columns.map(({ name }) => name).join(',')}\r\n`;
    const [charge, ...others] = focusCharges(record, { itemise: () => null, providerOf: () => null });
    if (charge === undefined) throw new Error('every call has a row');
    const options = { keepsFormulas: false, changedColumn: 'x_EscapedColumns' };
    const [row = {}] = csvObjects(header + csvRow(charge, columns, options));
    const mandatory = [...NEVER_NULL, ...BY_VERSION[version]];
    expect(others).toEqual([]);
    expect(Object.keys(row)).toEqual(expect.arrayContaining([...mandatory, ...MAY_BE_NULL]));
    expect(mandatory.filter((name) => row[name] === null)).toEqual([]);
    expect(row['x_CostStatus']).toBe(status);
    expect(row['BillingPeriodStart']).toBe('2026-11-01T00:00:00Z');
    expect(row['BillingPeriodEnd']).toBe('2026-12-01T00:00:00Z');
    expect(row['ChargePeriodStart']).toBe('2026-11-22T12:00:00Z');
    expect(row['ChargePeriodEnd']).toBe('2026-11-22T13:00:00Z');
  });

  it('has its own columns after all others, and only they begin with x_', () => {
    const names = columns.map(({ name }) => name);
    const own = names.filter((name) => name.startsWith('x_'));
    expect(names.slice(-own.length)).toEqual(own);
    expect(names.filter((name) => !/^(?:x_)?[A-Z][A-Za-z0-9]*$/.test(name))).toEqual([]);
    expect(names.at(-1)).toBe('x_RecordId');
  });
});
