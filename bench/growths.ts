import { join, resolve } from 'node:path';
import { BENCH_TEAM, keyLine, type MetertapVariant } from './candidates.ts';
import type { Filling } from './filled-ledger.ts';
import type { GrowthOptions } from './growth-options.ts';

/** One thing of which there may be little or much: the first case is the small one. */
export interface Growth {
  readonly name: string;
  readonly title: string;
  readonly cases: readonly GrowthCase[];
}

export interface GrowthCase {
  readonly variant: MetertapVariant;
  /** What its ledger holds before the first call; null: nothing. */
  readonly filling: Omit<Filling, 'file'> | null;
  /** Whether its data folder was there before, is full already, and stays. */
  readonly isKept?: true;
}

const DAY_MS = 86_400_000;
const FILLED_DAYS = 5;
const CREDENTIAL_OF_MANY = 'bench-key-0000000000000000';
/** So few that they have nothing of their own to write, but no call says what the last one of its connection said. */
const FEW = 100;
const START_PATIENCE_MS = 300_000;
/** No call is refused by these: what is measured is that they are looked at. */
const TEAM_RULES = [
  '{ requests: 1000000000, per: minute }',
  '{ tokens: 1000000000000, per: hour }',
  '{ output_tokens: 1000000000000, per: day }',
  '{ budget_usd: "9000000", per: month }',
  '{ tool_calls: 1000000000, per: forever }',
];

/**
 * The growths, in the order in which they are measured.
 *
 * @param folder where the filled ledgers lie
 */
export function growths(options: GrowthOptions, folder: string): Growth[] {
  const { records, runs, keys, rules, ledger } = options;
  const variant = (name: string, more: Partial<MetertapVariant> = {}): MetertapVariant => ({
    name,
    title: name,
    startPatienceMs: START_PATIENCE_MS,
    ...more,
  });
  const small = (name: string, more: Partial<MetertapVariant> = {}) => ({
    variant: variant(name, more),
    filling: null,
  });
  // It ends where the last day begins, so that the calls of the benchmark can be told from those that were there.
  const toMs = Math.floor(Date.now() / DAY_MS) * DAY_MS - DAY_MS;
  const time = { fromMs: toMs - FILLED_DAYS * DAY_MS, toMs, firstTeam: BENCH_TEAM };
  const keyLines = Array.from({ length: keys }, (_, i) => keyLine(`key-${i}`, BENCH_TEAM, credentialOf(i)));
  const few = Math.min(FEW, keys);
  return [
    {
      name: 'ledger',
      title: 'Records in the ledger, ten of each run, of 20 teams with 5 keys each',
      cases: [
        small('empty'),
        ledger === null
          ? {
              variant: variant(`${count(records)} records`, { dataDir: join(folder, 'ledger') }),
              filling: { ...time, records, recordsPerRun: 10, teams: 20, keysPerTeam: 5 },
            }
          : { variant: variant('filled', { dataDir: resolve(ledger) }), filling: null, isKept: true },
      ],
    },
    {
      name: 'runs',
      title: 'Runs: all calls in one; each call in another one of few; each in one of those that are in the ledger',
      cases: [
        small('1 run', { spread: { runs: 1 } }),
        small('a new run for every 10 calls'),
        small(`${FEW} runs, in no order`, { spread: { runs: FEW } }),
        {
          variant: variant(`${count(runs)} runs`, { dataDir: join(folder, 'runs'), spread: { runs } }),
          filling: { ...time, records: runs, recordsPerRun: 1, teams: 1, keysPerTeam: 1 },
        },
      ],
    },
    {
      name: 'keys',
      title: 'Static keys: all calls with one, of one or of many; each call with another one of few, or of all of them',
      cases: [
        small('1 key'),
        small(`1 of ${count(keys)} keys`, { keys: keyLines, credential: CREDENTIAL_OF_MANY }),
        small(`${few} of them, in no order`, { keys: keyLines, credential: CREDENTIAL_OF_MANY, spread: { keys: few } }),
        small(`${count(keys)} keys`, { keys: keyLines, credential: CREDENTIAL_OF_MANY, spread: { keys } }),
      ],
    },
    {
      name: 'rules',
      title: 'Limit rules, five of each team; the calls are of one team',
      cases: [
        small('5 rules', { teams: teamsWithRules(1) }),
        small(`${count(rules)} rules`, { teams: teamsWithRules(Math.ceil(rules / TEAM_RULES.length)) }),
      ],
    },
  ];
}

function credentialOf(index: number): string {
  return CREDENTIAL_OF_MANY.slice(0, -16) + String(index).padStart(16, '0');
}

function teamsWithRules(teams: number): string[] {
  const limits = `limits: [ ${TEAM_RULES.join(', ')} ]`;
  return Array.from({ length: teams }, (_, i) => `  - { id: ${i === 0 ? BENCH_TEAM : `team-${i}`}, ${limits} }`);
}

function count(number: number): string {
  return number.toLocaleString('en');
}
