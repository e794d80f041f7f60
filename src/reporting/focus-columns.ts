import type { CallRecord } from '../ledger/record.ts';
import type { Usage } from '../metering/usage.ts';
import type { CsvColumn, CsvValue } from './csv-text.ts';
import { type FocusCharge, modelOf } from './focus-charge.ts';
import { sellerName } from './focus-provider.ts';
import { hourAfter, hourOf, monthAfter, monthOf } from './focus-time.ts';

/** The versions of FOCUS that are written. */
export const FOCUS_VERSIONS = ['1.2', '1.4'] as const;
export type FocusVersion = (typeof FOCUS_VERSIONS)[number];

/** Tells which texts of a row have an apostrophe before them. */
export const FOCUS_ESCAPED_COLUMN = 'x_EscapedColumns';

/** What 1.4 has no more: 1.3 put the names of the service provider and of the host in their place. */
const GONE_IN_1_4: ReadonlySet<string> = new Set(['ProviderName', 'PublisherName']);

/**
 * The columns of a file, in their order: those of FOCUS by the alphabet, then our own. The default, 1.2, has the columns
 * of both versions, because tools for 1.2 pass over what they do not know.
 */
export function focusColumns(version: FocusVersion): readonly CsvColumn<FocusCharge>[] {
  return version === '1.2' ? ALL_COLUMNS : ALL_COLUMNS.filter(({ name }) => !GONE_IN_1_4.has(name));
}

type Column = CsvColumn<FocusCharge>;
const always = (name: string, value: CsvValue): Column => ({ name, value: () => value });
const charge = (name: string, value: (charge: FocusCharge) => CsvValue): Column => ({ name, value });
const record = (name: string, value: (record: CallRecord) => CsvValue): Column => ({
  name,
  value: (row) => value(row.record),
});
const seller = (name: string): Column => charge(name, (row) => sellerName(row.provider, row.record.upstream));
/** Of the whole call: on its first row only. */
const whole = (name: string, value: (record: CallRecord) => CsvValue): Column => ({
  name,
  value: (row) => (row.isFirst ? value(row.record) : null),
});
const tokens = (name: string, count: Exclude<keyof Usage, 'details'>): Column =>
  whole(name, ({ usage }) => usage?.[count] ?? null);

/** FOCUS 1.2 and 1.4, dataset Cost and Usage (https://focus.finops.org); standards.md 4.2 says what is mandatory. */
const FOCUS_COLUMNS: readonly Column[] = [
  charge('BilledCost', (row) => row.costUsd),
  record('BillingAccountId', ({ upstream }) => upstream),
  record('BillingAccountName', ({ upstream }) => upstream),
  always('BillingCurrency', 'USD'),
  record('BillingPeriodEnd', ({ started_at }) => monthAfter(started_at)),
  record('BillingPeriodStart', ({ started_at }) => monthOf(started_at)),
  always('ChargeCategory', 'Usage'),
  always('ChargeClass', null),
  charge('ChargeDescription', describe),
  always('ChargeFrequency', 'Usage-Based'),
  record('ChargePeriodEnd', ({ started_at }) => hourAfter(started_at)),
  record('ChargePeriodStart', ({ started_at }) => hourOf(started_at)),
  always('CommitmentDiscountStatus', null),
  charge('ConsumedQuantity', (row) => decimal(row.consumedQuantity)),
  charge('ConsumedUnit', (row) => row.meter.consumedUnit),
  charge('ContractedCost', (row) => decimal(row.exactCostUsd)),
  charge('ContractedUnitPrice', (row) => decimal(row.unitPriceUsd)),
  charge('EffectiveCost', (row) => row.costUsd),
  seller('HostProviderName'),
  always('InvoiceId', null),
  seller('InvoiceIssuerName'),
  charge('ListCost', (row) => decimal(row.exactCostUsd)),
  charge('ListUnitPrice', (row) => decimal(row.unitPriceUsd)),
  always('PricingCategory', 'Standard'),
  always('PricingCurrency', 'USD'),
  charge('PricingCurrencyContractedUnitPrice', (row) => decimal(row.unitPriceUsd)),
  charge('PricingCurrencyEffectiveCost', (row) => row.costUsd),
  charge('PricingCurrencyListUnitPrice', (row) => decimal(row.unitPriceUsd)),
  charge('PricingQuantity', (row) => decimal(row.pricingQuantity)),
  charge('PricingUnit', (row) => row.meter.pricingUnit),
  seller('ProviderName'),
  seller('PublisherName'),
  always('ServiceCategory', 'AI and Machine Learning'),
  charge('ServiceName', (row) => `${sellerName(row.provider, row.record.upstream)} API`),
  seller('ServiceProviderName'),
  always('ServiceSubcategory', 'Generative AI'),
  charge('SkuId', (row) => row.skuId),
  charge('SkuMeter', (row) => row.meter.name),
  always('SkuPriceDetails', null),
  charge('SkuPriceId', (row) => row.skuPriceId),
  record('SubAccountId', ({ team }) => team),
  record('SubAccountName', ({ team }) => team),
  always('SubAccountType', 'Team'),
  record('Tags', tagsOf),
];

/** Ours. A download that broke is gone on with by the last cell, which therefore is the id of the record or correction. */
const CUSTOM_COLUMNS: readonly Column[] = [
  record('x_ApiKeyId', ({ key_id }) => key_id),
  record('x_RunId', ({ run_id }) => run_id),
  record('x_ParentRunId', ({ parent_run_id }) => parent_run_id),
  record('x_SessionId', ({ session_id }) => session_id),
  record('x_Agent', ({ agent }) => agent),
  record('x_EndUser', ({ user }) => user),
  record('x_Upstream', ({ upstream }) => upstream),
  record('x_Endpoint', ({ endpoint }) => endpoint),
  record('x_Model', modelOf),
  record('x_ServiceTier', ({ service_tier }) => service_tier),
  record('x_PriceId', ({ price_id }) => price_id),
  charge('x_CostStatus', (row) => row.costStatus),
  whole('x_CostUsd', ({ cost_usd }) => cost_usd),
  record('x_UsageSource', ({ usage_source }) => usage_source),
  record('x_Estimated', ({ usage_source }) => usage_source === 'estimated'),
  record('x_Ending', ({ ending }) => ending),
  whole('x_RequestCount', () => 1),
  tokens('x_InputTokens', 'input_tokens'),
  tokens('x_CachedInputTokens', 'cache_read_tokens'),
  tokens('x_CacheWriteTokens', 'cache_write_tokens'),
  tokens('x_OutputTokens', 'output_tokens'),
  tokens('x_ReasoningTokens', 'reasoning_tokens'),
  tokens('x_TotalTokens', 'total_tokens'),
  record('x_StartedAt', ({ started_at }) => started_at),
  record('x_EndedAt', ({ ended_at }) => ended_at),
  always('x_RecordType', 'call'),
  always('x_CorrectedRecordId', null),
  always('x_CorrectedAt', null),
  always('x_CorrectionReason', null),
  always(FOCUS_ESCAPED_COLUMN, null),
  record('x_RecordId', ({ id }) => id),
];

const ALL_COLUMNS: readonly Column[] = [...FOCUS_COLUMNS, ...CUSTOM_COLUMNS];

function describe({ costStatus, meter, record: call }: FocusCharge): string {
  const { service_tier: tier } = call;
  const what = `${modelOf(call) ?? 'no model'}, ${call.endpoint}`;
  if (costStatus === 'unpriced') return `Price not known, and not in the costs: ${what}`;
  if (costStatus === 'missing_usage') return `Usage not known, and not in the costs: ${what}`;
  return `${meter.name}: ${what}${tier === null ? '' : `, ${tier}`}`;
}

/** Labels of the key as they are, tags of the call with `call/` before them: one scheme of the two may have no prefix. */
export function tagsOf({ labels, tags }: Pick<CallRecord, 'labels' | 'tags'>): string | null {
  const all = [
    ...Object.entries(labels),
    ...Object.entries(tags).map(([name, value]) => [`call/${name}`, value] as const),
  ];
  return all.length === 0 ? null : JSON.stringify(Object.fromEntries(all));
}

/** With a decimal point, so that whoever guesses types from a CSV file takes a column of whole numbers for decimals too. */
function decimal(text: string): string {
  return text.includes('.') ? text : `${text}.0`;
}
