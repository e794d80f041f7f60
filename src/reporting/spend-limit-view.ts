/** What is asked of a team's limits in the words of OpenAI's admin API (standards.md 1.4): a project is a team. */

const NANO_USD_PER_CENT = 10_000_000;
/** Stands where the API wants a number and there is no limit: as many as no limit may be. */
export const NO_LIMIT = 1_000_000_000_000;

/** A monthly budget, `threshold_amount` in cents. */
export interface SpendLimitView {
  readonly object: 'organization.spend_limit' | 'project.spend_limit';
  readonly threshold_amount: number;
  readonly currency: 'USD';
  readonly interval: 'month';
  readonly enforcement: { readonly status: 'inactive' | 'enforcing' };
}

export interface SpendAlertView {
  readonly object: 'organization.spend_alert' | 'project.spend_alert';
  readonly id: string;
  readonly threshold_amount: number;
  readonly currency: 'USD';
  readonly interval: 'month';
  readonly notification_channel: {
    readonly type: 'email';
    readonly recipients: readonly string[];
    readonly subject_prefix: null;
  };
}

export interface RateLimitView {
  readonly object: 'project.rate_limit';
  readonly id: string;
  /** A name or a glob; `*` is every model. */
  readonly model: string;
  readonly max_requests_per_1_minute: number;
  readonly max_tokens_per_1_minute: number;
  readonly max_requests_per_1_day?: number;
}

/** A limit of a team, as far as these shapes can tell of it. */
export interface TeamLimit {
  readonly measure: string;
  readonly per: string;
  readonly isCalendar: boolean;
  readonly limit: number;
  readonly model: string | null;
  /** Percent, rising. */
  readonly alertAt: readonly number[];
}

/** The tightest monthly budget of all models; null where there is none. */
export function spendLimitOf(limits: readonly TeamLimit[]): SpendLimitView | null {
  const budget = monthlyBudget(limits);
  if (budget === null) return null;
  return {
    object: 'project.spend_limit',
    threshold_amount: cents(budget.limit),
    currency: 'USD',
    interval: 'month',
    enforcement: { status: 'enforcing' },
  };
}

/** An alert for each share of the monthly budget; they go to the sinks, and so to no address. */
export function spendAlertsOf(limits: readonly TeamLimit[]): SpendAlertView[] {
  const budget = monthlyBudget(limits);
  if (budget === null) return [];
  return budget.alertAt.map((threshold) => ({
    object: 'project.spend_alert',
    id: `spend_alert_${threshold}`,
    threshold_amount: cents((budget.limit * threshold) / 100),
    currency: 'USD',
    interval: 'month',
    notification_channel: { type: 'email', recipients: [], subject_prefix: null },
  }));
}

/** Requests and tokens a minute, and requests a day, for each name or glob of models that rules have. */
export function rateLimitsOf(limits: readonly TeamLimit[]): RateLimitView[] {
  const models = [...new Set(limits.filter(isRate).map(({ model }) => model ?? '*'))].sort();
  return models.map((model) => {
    const ofModel = limits.filter((limit) => (limit.model ?? '*') === model);
    const perDay = tightest(ofModel, 'requests', 'day');
    return {
      object: 'project.rate_limit',
      id: `rl-${model}`,
      model,
      max_requests_per_1_minute: tightest(ofModel, 'requests', 'minute') ?? NO_LIMIT,
      max_tokens_per_1_minute: tightest(ofModel, 'tokens', 'minute') ?? NO_LIMIT,
      ...(perDay === null ? {} : { max_requests_per_1_day: perDay }),
    };
  });
}

function monthlyBudget(limits: readonly TeamLimit[]): TeamLimit | null {
  const budgets = limits.filter(
    ({ measure, per, isCalendar, model }) =>
      measure === 'budget_usd' && per === 'month' && isCalendar && model === null,
  );
  return budgets.toSorted((one, other) => one.limit - other.limit)[0] ?? null;
}

function isRate({ measure, per }: TeamLimit): boolean {
  return (
    (per === 'minute' && (measure === 'requests' || measure === 'tokens')) || (per === 'day' && measure === 'requests')
  );
}

function tightest(limits: readonly TeamLimit[], measure: string, per: string): number | null {
  const fitting = limits.filter((limit) => limit.measure === measure && limit.per === per).map(({ limit }) => limit);
  return fitting.length === 0 ? null : Math.min(...fitting);
}

function cents(nanoUsd: number): number {
  return Math.round(nanoUsd / NANO_USD_PER_CENT);
}
