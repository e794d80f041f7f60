/** Members that bound the output of one choice; of several the first counts, as upstreams prefer the newer name. */
const CEILINGS = ['max_completion_tokens', 'max_output_tokens', 'max_tokens'];
/** Members that ask for several choices at once: each may be as long as the ceiling. */
const CHOICES = ['n', 'best_of'];
/** Beyond what any model gives; keeps products of what clients send within safe integers. */
const MAX_TOKENS = 1_000_000_000;

/**
 * The most output tokens that a request allows, all choices together; null where it names no ceiling, or one that no
 * upstream would take.
 */
export function outputCeilingOf(body: Readonly<Record<string, unknown>>): number | null {
  for (const name of CEILINGS) {
    const ceiling = wholeNumber(body[name]);
    if (ceiling !== null) return Math.min(MAX_TOKENS, ceiling * choicesOf(body));
  }
  return null;
}

function choicesOf(body: Readonly<Record<string, unknown>>): number {
  const asked = Math.max(1, ...CHOICES.map((name) => wholeNumber(body[name]) ?? 1));
  const prompts = body['prompt'];
  const isBatch = Array.isArray(prompts) && prompts.some((prompt) => typeof prompt !== 'number');
  return Math.min(MAX_TOKENS, asked * (isBatch ? prompts.length : 1));
}

function wholeNumber(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? Math.min(value, MAX_TOKENS) : null;
}
