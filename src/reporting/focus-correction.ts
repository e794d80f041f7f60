import type { CorrectionLine } from './correction-line.ts';
import type { CsvColumn, CsvValue } from './csv-text.ts';
import { tagsOf } from './focus-columns.ts';
import { sellerName } from './focus-provider.ts';
import { hourAfter, hourOf, monthAfter, monthOf } from './focus-time.ts';

/** A correction, and the provider of the price book that its upstream is; null for another. */
export interface FocusCorrection {
  readonly line: CorrectionLine;
  readonly provider: string | null;
}

type Value = (correction: FocusCorrection) => CsvValue;
const of =
  (value: (line: CorrectionLine) => CsvValue): Value =>
  ({ line }) =>
    value(line);
const always =
  (value: CsvValue): Value =>
  () =>
    value;
const cost = of(({ cost_usd }) => cost_usd);
const seller: Value = ({ line, provider }) => sellerName(provider, line.upstream);

/**
 * What a correction says in the columns of FOCUS; every other one is empty. Nothing was used and no price per unit is
 * of a difference, so quantities, units and prices are null, and each cost is what the correction adds.
 *
 * `ChargeClass` is `Correction` for what a closed statement has told already, and then the billing period is the one that
 * the correction stands in. Within a period that is open it must be null, and usage without a quantity is no `Usage` there
 * (https://focus.finops.org: ChargeClass, ConsumedQuantity, PricingQuantity).
 */
export const FOCUS_CORRECTION_VALUES: Readonly<Record<string, Value>> = {
  BilledCost: cost,
  BillingAccountId: of(({ upstream }) => upstream),
  BillingAccountName: of(({ upstream }) => upstream),
  BillingCurrency: always('USD'),
  BillingPeriodEnd: of(({ period }) => monthAfter(period)),
  BillingPeriodStart: of(({ period }) => monthOf(period)),
  ChargeCategory: of((line) => (isOfClosedPeriod(line) ? 'Usage' : 'Adjustment')),
  ChargeClass: of((line) => (isOfClosedPeriod(line) ? 'Correction' : null)),
  ChargeDescription: of((line) => `Correction of a cost: ${modelOf(line) ?? 'no model'}: ${line.reason}`),
  ChargeFrequency: always('Usage-Based'),
  ChargePeriodEnd: of(({ started_at }) => hourAfter(started_at)),
  ChargePeriodStart: of(({ started_at }) => hourOf(started_at)),
  ContractedCost: cost,
  EffectiveCost: cost,
  HostProviderName: seller,
  InvoiceIssuerName: seller,
  ListCost: cost,
  PricingCurrency: always('USD'),
  PricingCurrencyEffectiveCost: cost,
  ProviderName: seller,
  PublisherName: seller,
  ServiceCategory: always('AI and Machine Learning'),
  ServiceName: (correction) => `${seller(correction)} API`,
  ServiceProviderName: seller,
  ServiceSubcategory: always('Generative AI'),
  SubAccountId: of(({ team }) => team),
  SubAccountName: of(({ team }) => team),
  SubAccountType: always('Team'),
  Tags: of(tagsOf),
  x_ApiKeyId: of(({ key_id }) => key_id),
  x_RunId: of(({ run_id }) => run_id),
  x_ParentRunId: of(({ parent_run_id }) => parent_run_id),
  x_SessionId: of(({ session_id }) => session_id),
  x_Agent: of(({ agent }) => agent),
  x_EndUser: of(({ user }) => user),
  x_Upstream: of(({ upstream }) => upstream),
  x_Endpoint: of(({ endpoint }) => endpoint),
  x_Model: of(modelOf),
  x_ServiceTier: of(({ service_tier }) => service_tier),
  x_PriceId: of(({ price_id }) => price_id),
  x_CostStatus: always('priced'),
  x_CostUsd: cost,
  x_StartedAt: of(({ started_at }) => started_at),
  x_RecordType: always('correction'),
  x_CorrectedRecordId: of(({ record_id }) => record_id),
  x_CorrectedAt: of(({ created_at }) => created_at),
  x_CorrectionReason: of(({ reason }) => reason),
  x_RecordId: of(({ id }) => id),
};

/** The columns of these names, for corrections. */
export function focusCorrectionColumns(names: readonly string[]): readonly CsvColumn<FocusCorrection>[] {
  return names.map((name) => ({ name, value: FOCUS_CORRECTION_VALUES[name] ?? (() => null) }));
}

/** A correction stands in a later period than its call only where the call's own has been closed before. */
function isOfClosedPeriod({ period, started_at }: CorrectionLine): boolean {
  return period !== started_at.slice(0, 7);
}

function modelOf(line: CorrectionLine): string | null {
  return line.response_model ?? line.request_model;
}
