import type { MatchLogic } from './genai-data.ts';

/** The names that a rule of genai-prices means, in the words of the book. */
export interface MatchWords {
  readonly names: readonly string[];
  readonly patterns: readonly string[];
  readonly except: readonly string[];
}

const NOTHING: MatchWords = { names: [], patterns: [], except: [] };

/** `^gpt-6-sol-\d{4}-\d{2}-\d{2}$`: the model with a date; the book strips dates from every name. */
const NAME_WITH_DATE = /^\^((?:[\w/:@-]|\\\.)+)-(?:\\d\{8\}|\\d\{4\}-\\d\{2\}-\\d\{2\})\$$/;
/** `^gemini-3\.5-flash-\d`: what goes on with a digit. */
const NAME_WITH_DIGIT = /^\^((?:[\w/:@-]|\\\.)+)\\d$/;
/** Everything but speech models; stands beside a rule that says what is meant. */
const NO_SPEECH = '^(?!.*-[tT][tT][sS](?:$|-))';

/**
 * Translates a rule. A rule that the book has no words for throws, so that nothing is lost in silence.
 */
export function matchWords(rule: MatchLogic): MatchWords {
  if ('or' in rule) return joined(rule.or.map(matchWords));
  if ('and' in rule) return narrowed(rule.and);
  if ('equals' in rule) return { ...NOTHING, names: [rule.equals] };
  if ('starts_with' in rule) return { ...NOTHING, names: [rule.starts_with], patterns: [`${rule.starts_with}*`] };
  if ('ends_with' in rule) return { ...NOTHING, patterns: [`*${rule.ends_with}`] };
  if ('contains' in rule) return { ...NOTHING, patterns: [`*${rule.contains}*`] };
  return regexWords(rule.regex);
}

function regexWords(regex: string): MatchWords {
  const dated = NAME_WITH_DATE.exec(regex)?.[1]?.replaceAll('\\.', '.');
  if (dated !== undefined) return { ...NOTHING, names: [dated] };
  const start = NAME_WITH_DIGIT.exec(regex)?.[1]?.replaceAll('\\.', '.');
  if (start === undefined) throw new Error(`no words for the rule ${regex}`);
  return { ...NOTHING, patterns: [...'0123456789'].map((digit) => `${start}${digit}*`) };
}

/** One rule, and beside it what is not meant. */
function narrowed(rules: readonly MatchLogic[]): MatchWords {
  const isNoSpeech = (rule: MatchLogic) => 'regex' in rule && rule.regex === NO_SPEECH;
  const rest = rules.filter((rule) => !isNoSpeech(rule));
  const [only, ...others] = rest;
  if (only === undefined || others.length > 0 || rest.length === rules.length) {
    throw new Error(`no words for the rule ${JSON.stringify(rules)}`);
  }
  return { ...matchWords(only), except: ['*-tts', '*-tts-*'] };
}

function joined(words: readonly MatchWords[]): MatchWords {
  return {
    names: unique(words.flatMap(({ names }) => names)),
    patterns: unique(words.flatMap(({ patterns }) => patterns)),
    except: unique(words.flatMap(({ except }) => except)),
  };
}

function unique(texts: readonly string[]): string[] {
  return [...new Map(texts.map((text) => [text.toLowerCase(), text])).values()];
}

/** Whether genai-prices itself would take the name by this rule. */
export function matches(rule: MatchLogic, name: string): boolean {
  const text = name.toLowerCase();
  if ('or' in rule) return rule.or.some((part) => matches(part, name));
  if ('and' in rule) return rule.and.every((part) => matches(part, name));
  if ('equals' in rule) return text === rule.equals.toLowerCase();
  if ('starts_with' in rule) return text.startsWith(rule.starts_with.toLowerCase());
  if ('ends_with' in rule) return text.endsWith(rule.ends_with.toLowerCase());
  if ('contains' in rule) return text.includes(rule.contains.toLowerCase());
  return new RegExp(rule.regex).test(name);
}
