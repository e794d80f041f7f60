import { OptionFault } from './option-fault.ts';

/**
 * Reads `--label a=b` options.
 *
 * @throws OptionFault
 */
export function labelsOf(options: readonly string[]): Record<string, string> {
  return Object.fromEntries(options.map((option) => pairOf('--label', option)));
}

/**
 * Reads a limit rule written as `budget_usd=50,per=month`. What it may say is for Metertap to judge; counts are numbers
 * there, all else is text.
 *
 * @throws OptionFault
 */
export function ruleOf(option: string): Record<string, string | number> {
  const members = option.split(',').map((part): [string, string | number] => {
    const [name, value] = pairOf('--rule', part.trim());
    return [name, name !== 'budget_usd' && /^\d{1,15}$/.test(value) ? Number(value) : value];
  });
  return Object.fromEntries(members);
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/**
 * Reads a stretch of time written as `90s`, `15m`, `24h`, `7d` or as seconds.
 *
 * @throws OptionFault
 */
export function secondsOf(option: string): number {
  const [, digits, unit = 's'] = /^(\d{1,9})([smhd])?$/.exec(option) ?? [];
  const seconds = Number(digits) * (UNIT_SECONDS[unit] ?? Number.NaN);
  if (Number.isSafeInteger(seconds)) return seconds;
  throw new OptionFault(`--grace is written as 90s, 15m, 24h or 7d, not ${JSON.stringify(option)}.`);
}

/** A whole number, or the text as it is: Metertap says what is wrong with it. */
export function numberOf(option: string): number | string {
  return /^\d{1,15}$/.test(option) ? Number(option) : option;
}

function pairOf(name: string, option: string): [string, string] {
  const at = option.indexOf('=');
  if (at > 0) return [option.slice(0, at), option.slice(at + 1)];
  throw new OptionFault(`${name} is written as name=value, not ${JSON.stringify(option)}.`);
}
