import { ASKS, CONFIG_OPTION, type Command, JSON_OPTION } from '../command.ts';

const TEAM = { type: 'string', value: 'TEAM', text: 'only this team' } as const;

export const PRICES = {
  name: 'prices',
  group: 'Money',
  summary: 'show what a model costs, and why; compare with a newer book',
  options: {
    model: { type: 'string', value: 'MODEL', text: 'the row that would apply to it now; without it, all rows' },
    provider: {
      type: 'string',
      value: 'NAME',
      text: "an upstream's name; else the upstream that serves the model, or all of them",
    },
    book: {
      type: 'string',
      value: 'FILE',
      isFile: true,
      text: 'a newer price book, of the form of the bundled one, or the data that --fetch gets',
    },
    fetch: { type: 'boolean', text: 'compares with the newest prices of genai-prices, from its repository' },
    url: { type: 'string', value: 'URL', text: 'the same from another address, or a book there' },
    days: { type: 'string', value: 'N', text: 'looks for models without a price in so many days; 30 by default' },
    config: CONFIG_OPTION,
    json: JSON_OPTION,
  },
  actions: [
    { name: 'show', summary: 'price rows', options: ['model', 'provider', 'config', 'json'] },
    {
      name: 'check',
      summary: 'what a newer book and overrides say otherwise, and models without a price',
      options: ['fetch', 'url', 'book', 'days', 'config', 'json'],
    },
  ],
  examples: [
    ['metertap prices show --model gpt-5-mini', 'the row that applies, and why'],
    ['metertap prices show --provider groq', 'all rows of an upstream'],
    ['metertap prices check --fetch', 'what has changed since the book was made'],
    ['metertap prices check --book newer.jsonl', 'the same, with a book that you have made'],
  ],
  notes:
    'Nothing is fetched but by `--fetch` and `--url`; docs/prices.md says from where. `check` also asks a running Metertap.',
  exitCodes: 'Exit code 1: the model has no price; something differs.',
} as const satisfies Command;

export const REPRICE = {
  name: 'reprice',
  group: 'Money',
  summary: 'correct costs by the prices of now',
  options: {
    from: { type: 'string', value: 'TIME', text: 'calls that began then or later' },
    to: { type: 'string', value: 'TIME', text: 'calls that began before' },
    reason: { type: 'string', value: 'TEXT', text: 'why; it stands in every correction' },
    model: { type: 'string', value: 'MODEL', text: 'only this model, or glob' },
    team: TEAM,
    upstream: { type: 'string', value: 'NAME', text: 'only this upstream' },
    'dry-run': { type: 'boolean', text: 'says what would change, and changes nothing' },
    json: JSON_OPTION,
  },
  actions: [
    {
      name: '',
      summary: 'write a correction for each call that costs something else now',
      options: ['from', 'to', 'reason', 'model', 'team', 'upstream', 'dry-run', 'json'],
      required: ['from', 'to', 'reason'],
    },
  ],
  examples: [
    [
      'metertap reprice --from 2026-11-01 --to 2026-12-01 --reason "contract prices" --dry-run',
      'what a month would cost by the prices of now',
    ],
    [
      'metertap reprice --from 2026-11-01 --to 2026-12-01 --model "gpt-5*" --reason "price was missing"',
      'correct it for some models',
    ],
  ],
  notes: `Records are not edited; running it again changes nothing. Times are ISO 8601 or Unix seconds. ${ASKS}`,
} as const satisfies Command;

export const STATEMENT = {
  name: 'statement',
  group: 'Money',
  summary: "what a team's month has cost; close months",
  options: {
    team: { type: 'string', value: 'TEAM', text: 'the team; with list and close, all of them by default' },
    month: { type: 'string', value: 'YYYY-MM', text: 'a calendar month of UTC' },
    format: { type: 'string', value: 'FORMAT', words: ['text', 'csv', 'html', 'json'], text: 'text by default' },
    output: { type: 'string', value: 'FILE', isFile: true, text: 'a file; else standard output' },
    json: JSON_OPTION,
  },
  actions: [
    {
      name: '',
      summary: 'show a statement',
      options: ['team', 'month', 'format', 'output', 'json'],
      required: ['team', 'month'],
    },
    { name: 'list', summary: 'months, open and closed', options: ['team', 'json'] },
    {
      name: 'close',
      summary: 'state a month, and those before it, for good',
      options: ['month', 'team', 'json'],
      required: ['month'],
    },
  ],
  examples: [
    ['metertap statement --team research --month 2026-11', 'on the terminal'],
    [
      'metertap statement --team research --month 2026-11 --format html --output research-2026-11.html',
      'to print or to send',
    ],
    ['metertap statement close --month 2026-11', 'later calls and corrections stand in the next month'],
  ],
  notes: ASKS,
} as const satisfies Command;

export const RECONCILE = {
  name: 'reconcile',
  group: 'Money',
  summary: 'compare with what the upstream counted',
  options: {
    from: { type: 'string', value: 'DAY', text: 'the first day (UTC)' },
    to: { type: 'string', value: 'DAY', text: 'the day after the last one' },
    upstream: { type: 'string', value: 'NAME', text: 'which upstream; the first one by default' },
    key: {
      type: 'string',
      multiple: true,
      value: 'OURS=THEIRS',
      text: "a key of ours and the upstream's id of it; may be repeated",
    },
    tolerance: { type: 'string', value: 'PERCENT', text: 'drift that does not matter; 1 by default' },
    config: CONFIG_OPTION,
    json: JSON_OPTION,
  },
  actions: [
    {
      name: '',
      summary: "the upstream's own usage and costs beside the ledger's",
      options: ['from', 'to', 'upstream', 'key', 'tolerance', 'config', 'json'],
      required: ['from', 'to'],
    },
  ],
  examples: [
    ['metertap reconcile --from 2026-11-01 --to 2026-12-01', 'a month, by day and model and by key'],
    ['metertap reconcile --from 2026-11-01 --to 2026-12-01 --tolerance 0.1 --key ci=key_abc123', 'more strictly'],
  ],
  notes: `The upstream is asked with upstreams[].admin_api_key (METERTAP_UPSTREAM_ADMIN_KEY for the first one). ${ASKS}`,
  exitCodes: 'Exit code 1: a drift is above the tolerance, or there was no answer.',
} as const satisfies Command;
