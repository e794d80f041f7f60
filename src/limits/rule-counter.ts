import { matchesGlob } from '../core/glob.ts';
import type { LimitRule } from './limit-rule.ts';
import type { Counter } from './limit-store.ts';
import { type Calendar, courseOf } from './time-window.ts';

/** Whose use a counter counts: all that is not null must be the call's. */
export interface Subject {
  readonly team: string;
  readonly keyId: string | null;
  /** Also the runs below it. */
  readonly runId: string | null;
  readonly sessionId: string | null;
  readonly user: string | null;
  readonly model: string | null;
  /** A name or a glob. */
  readonly modelPattern: string | null;
}

/** The counter of a rule for one subject at one moment. */
export interface RuleCounter extends Counter {
  readonly rule: LimitRule;
  readonly subject: Subject;
  /** Since when is counted, in Unix milliseconds; 0: since ever. */
  readonly startMs: number;
}

/** Whether a counter is that of a rule, as all are outside of tests of the stores. */
export function isRuleCounter(counter: Counter): counter is RuleCounter {
  return 'rule' in counter && 'subject' in counter;
}

/** The ids that a call brings, for the rules that count by them. */
export interface CountedIds {
  readonly keyId: string | null;
  readonly sessionId: string | null;
  readonly user: string | null;
  readonly model: string | null;
  /** The run itself, then the runs above it. */
  readonly runs: readonly string[];
}

/** Whose rule it is: of a team (no key), of a key, or of a run. */
export interface RuleScope {
  readonly team: string;
  readonly keyId: string | null;
  readonly runId: string | null;
}

/**
 * The counters of a rule that a call counts for: none where the rule is about other models, or about a run or session
 * and the call names none; several where it counts runs, since a run draws on what the runs above it may use.
 */
export function countersOf(rule: LimitRule, scope: RuleScope, at: CountedAt): RuleCounter[] {
  const { ids } = at;
  if (!isOfModel(rule, at)) return [];
  const keyId = scope.keyId ?? (rule.each === 'key' ? ids.keyId : null);
  const sessionId = rule.per === 'session' || rule.each === 'session' ? ids.sessionId : null;
  const user = rule.each === 'user' ? ids.user : null;
  const model = rule.each === 'model' ? ids.model : null;
  if ((rule.per === 'session' || rule.each === 'session') && sessionId === null) return [];
  if (rule.each === 'key' && keyId === null) return [];
  if (rule.each === 'user' && user === null) return [];
  if (rule.each === 'model' && model === null) return [];
  const subject = { team: scope.team, keyId, runId: null, sessionId, user, model, modelPattern: rule.model };
  if (scope.runId !== null) return [counterOf(rule, { ...subject, runId: scope.runId }, at)];
  if (!countsRuns(rule)) return [counterOf(rule, subject, at)];
  return ids.runs.map((runId) => counterOf(rule, { ...subject, runId }, at));
}

/** What a call brings to find its counters. */
export interface CountedAt {
  readonly ids: CountedIds;
  readonly calendar: Calendar;
  readonly nowMs: number;
  /** Also rules of some models where no model is named: for showing rules, not for calls. */
  readonly anyModel?: boolean;
}

function isOfModel(rule: LimitRule, { ids, anyModel }: CountedAt): boolean {
  if (rule.model === null) return true;
  return ids.model === null ? anyModel === true : matchesGlob(rule.model, ids.model);
}

/** Whether a rule counts each run on its own. */
export function countsRuns(rule: LimitRule): boolean {
  return rule.per === 'run' || rule.each === 'run';
}

function counterOf(
  rule: LimitRule,
  subject: Subject,
  { calendar, nowMs }: { readonly calendar: Calendar; readonly nowMs: number },
): RuleCounter {
  const course = courseOf(rule);
  const isCalendar = course.kind === 'sum' && (rule.per === 'day' || rule.per === 'week' || rule.per === 'month');
  const window = isCalendar ? calendar.windowAt(unitOf(rule.per), rule.timeZone, nowMs) : null;
  const startMs = window?.startMs ?? (course.kind === 'sum' ? 0 : nowMs - course.lengthMs);
  return {
    // The limit is no part of it: who edits a rule keeps what was used.
    key: [
      subject.team,
      subject.keyId ?? '',
      subject.runId ?? '',
      subject.sessionId ?? '',
      subject.user ?? '',
      subject.model ?? '',
      subject.modelPattern ?? '',
      rule.measure,
      rule.per,
      window === null ? rule.window : `${rule.timeZone} ${window.startMs}`,
    ].join('\n'),
    group: subject.team,
    course,
    limit: rule.limit,
    endsAtMs: window?.endMs ?? null,
    onlyHeld: rule.measure === 'parallel',
    onStoreFailure: rule.onStoreFailure,
    rule,
    subject,
    startMs,
  };
}

function unitOf(per: LimitRule['per']): 'day' | 'week' | 'month' {
  return per === 'day' || per === 'week' ? per : 'month';
}
