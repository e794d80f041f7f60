import { describe, expect, it } from 'vitest';
import { runPricesCommand } from '../../../src/cli/prices-command.ts';

const BOOK = [
  { schema: 1, book_version: '2026-11-22', sources: [] },
  {
    provider: 'openai',
    model: 'gpt-5-mini',
    input_per_mtok: '0.25',
    output_per_mtok: '2',
    context_tiers: [{ above_input_tokens: 1000, input_per_mtok: '0.5' }],
    not_charged: ['storage'],
    source: 'one',
    supplement: { source: 'two', service_tiers: { flex: { input_per_mtok: '0.125' } } },
  },
  { provider: 'groq', model: 'llama', input_per_mtok: '0.05', output_per_mtok: '0.08', source: 'one' },
]
  .map((line) => JSON.stringify(line))
  .join('\n');

const CONFIG = `
upstreams: [{ name: openai, base_url: "https://api.openai.com/v1" }]
prices: [{ provider: openai, model: "gpt-9*", input_per_mtok: "9", output_per_mtok: "90" }]
`;

function run(args: readonly string[], config = CONFIG) {
  let output = '';
  let errors = '';
  const code = runPricesCommand({
    args,
    env: { METERTAP_CONFIG: 'a.yaml' },
    readFile: () => config,
    exists: () => true,
    readBook: () => BOOK,
    nowMs: () => Date.UTC(2026, 10, 22),
    write: (text) => {
      output += text;
    },
    writeError: (text) => {
      errors += text;
    },
  });
  return { code, output, errors };
}

describe('metertap prices show --model', () => {
  it('shows the row and says why it applies', () => {
    const { code, output } = run(['show', '--model', 'gpt-5-mini-2026-02-01']);
    expect(code).toBe(0);
    expect(output).toBe(
      [
        'gpt-5-mini-2026-02-01 at openai: openai/gpt-5-mini~book',
        'because: the price book: gpt-5-mini-2026-02-01 without its date is a name of openai/gpt-5-mini; the upstream is openai by its name',
        'from: one, two, price book of 2026-11-22',
        'not charged: storage',
        '  input_per_mtok: 0.25',
        '  output_per_mtok: 2',
        '  above 1000 input tokens',
        '    input_per_mtok: 0.5',
        '  service tier flex',
        '    input_per_mtok: 0.125',
        '',
      ].join('\n'),
    );
  });

  it('takes rows of the configuration first', () => {
    expect(run(['show', '--model', 'gpt-9-pro']).output).toContain('because: prices[0] of the configuration');
  });

  it('takes a provider that is no upstream', () => {
    expect(run(['show', '--model', 'llama', '--provider', 'groq']).output).toContain('llama at groq: groq/llama');
  });

  it('ends with 1 where the model is unpriced', () => {
    const { code, output } = run(['show', '--model', 'our-own']);
    expect(code).toBe(1);
    expect(output).toMatch(/^our-own at openai: unpriced\nbecause: no row of the configuration matches/);
  });

  it('gives JSON', () => {
    const { code, output } = run(['show', '--model', 'gpt-5-mini', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(output)).toMatchObject({
      source: 'book',
      price: { id: 'openai/gpt-5-mini~book', input_per_mtok: '0.25' },
      book: { version: '2026-11-22', sources: ['one', 'two'] },
    });
  });

  it('lets no model steer the terminal', () => {
    expect(run(['show', '--model', 'a\u001b[31m']).output).not.toContain('\u001b');
  });
});

describe('metertap prices show', () => {
  it('lists the rows of all upstreams, those of the configuration first', () => {
    const { code, output } = run(['show']);
    expect(code).toBe(0);
    expect(output.split('\n').map((line) => line.split(/\s+/))).toEqual([
      ['ID', 'SOURCE', 'INPUT', 'CACHED', 'CACHE', 'WRITE', 'OUTPUT', 'TIERS'],
      ['openai/gpt-9*', 'config', '9', '-', '-', '90', '-'],
      ['openai/gpt-5-mini~book', 'book', '0.25', '-', '-', '2', '>1000', 'flex'],
      [''],
    ]);
  });

  it('lists the rows of a provider as JSON', () => {
    const { output } = run(['show', '--provider', 'groq', '--json']);
    expect(JSON.parse(output)).toEqual({
      book_version: '2026-11-22',
      data: [
        {
          source: 'book',
          id: 'groq/llama~book',
          provider: 'groq',
          model: 'llama',
          input_per_mtok: '0.05',
          output_per_mtok: '0.08',
        },
      ],
    });
  });

  it('says so where there are none', () => {
    expect(run(['show', '--provider', 'nobody'])).toMatchObject({ code: 0, output: 'No rows.\n' });
  });
});

describe('exit codes', () => {
  it.each([[[]], [['chekc']], [['show', 'more']], [['show', '--modle', 'x']]])('%j is not understood: 2', (args) => {
    const { code, errors } = run(args);
    expect(code).toBe(2);
    expect(errors).toMatch(/^metertap prices: .+\n\nUsage: metertap prices show/);
  });

  it('a faulty configuration: 78', () => {
    const { code, errors } = run(['show'], 'prices: [{ provider: a }]');
    expect(code).toBe(78);
    expect(errors).toContain('prices[0].model');
  });

  it('help: 0', () => {
    expect(run(['--help'])).toMatchObject({ code: 0, errors: '' });
  });
});
