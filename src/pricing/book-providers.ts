/** A provider of the bundled book, and how an upstream is known to be it. */
export interface BookProvider {
  readonly name: string;
  /** Other names that an upstream of it may have. */
  readonly aliases: readonly string[];
  /** Hosts of its API; `*.` stands for any name before the rest. */
  readonly hosts: readonly string[];
  /** Whose rows hold for models that it has none for, in this order: it sells them at the same prices. */
  readonly fallbacks: readonly string[];
}

/** Every provider of the book that an upstream can be; the script that makes the book knows the same names. */
export const BOOK_PROVIDERS: readonly BookProvider[] = [
  provider('anthropic', ['claude'], ['api.anthropic.com']),
  provider('arcee', [], ['api.arcee.ai']),
  provider('avian', [], ['api.avian.io']),
  provider(
    'azure',
    ['azure-openai', 'azure_openai', 'azure-ai', 'azure_ai'],
    ['*.openai.azure.com', '*.cognitiveservices.azure.com', '*.services.ai.azure.com', '*.azure-api.net'],
    ['openai', 'anthropic', 'deepseek', 'xai', 'moonshot'],
  ),
  provider('baseten', [], ['inference.baseten.co']),
  provider('cerebras', [], ['api.cerebras.ai']),
  provider('cloudflare', ['workers-ai'], ['api.cloudflare.com']),
  provider('cohere', [], ['api.cohere.ai', 'api.cohere.com']),
  provider('deepseek', [], ['api.deepseek.com']),
  provider('doubleword', [], ['api.doubleword.ai']),
  provider('fireworks', ['fireworks-ai', 'fireworks_ai'], ['api.fireworks.ai']),
  provider(
    'google',
    ['gemini', 'google-ai', 'google-vertex', 'vertex', 'vertex-ai', 'vertex_ai'],
    ['generativelanguage.googleapis.com', 'aiplatform.googleapis.com', '*-aiplatform.googleapis.com'],
    ['anthropic'],
  ),
  provider('groq', [], ['api.groq.com']),
  provider('minimax', [], ['api.minimax.io', 'api.minimaxi.com', 'api.minimax.com', 'api.minimaxi.io']),
  provider('mistral', ['mistralai', 'mistral-ai'], ['api.mistral.ai']),
  provider('moonshot', ['moonshotai', 'kimi'], ['api.moonshot.ai', 'api.moonshot.cn']),
  provider('novita', ['novita-ai'], ['api.novita.ai']),
  provider('openai', [], ['api.openai.com', '*.api.openai.com']),
  provider('openrouter', [], ['openrouter.ai', 'api.openrouter.ai']),
  provider('ovhcloud', ['ovh'], ['oai.endpoints.kepler.ai.cloud.ovh.net']),
  provider('perplexity', ['pplx'], ['api.perplexity.ai']),
  provider('together', ['together-ai', 'together_ai', 'togetherai'], ['api.together.xyz', 'api.together.ai']),
  provider('voyageai', ['voyage'], ['api.voyageai.com']),
  provider('xai', ['x-ai', 'grok'], ['api.x.ai', '*.api.x.ai']),
  provider('zai', ['z-ai', 'z.ai'], ['api.z.ai']),
  provider('zhipuai', ['zhipu', 'bigmodel'], ['open.bigmodel.cn']),
];

/** Which provider an upstream is, and how that is known. */
export interface KnownProvider {
  readonly provider: string;
  readonly by: 'name' | 'host';
}

/**
 * Finds the provider of the book that an upstream is: by its name, whatever it points at; else by the host of its base
 * URL. Null where neither is known: what it serves has no price in the book, for nobody says whose prices hold.
 */
export function providerOfUpstream(upstream: {
  readonly name: string;
  readonly baseUrl: string;
}): KnownProvider | null {
  const named = BOOK_PROVIDERS.find(({ name, aliases }) => name === upstream.name || aliases.includes(upstream.name));
  if (named !== undefined) return { provider: named.name, by: 'name' };
  const host = URL.canParse(upstream.baseUrl) ? new URL(upstream.baseUrl).hostname : '';
  const hosting = BOOK_PROVIDERS.find(({ hosts }) => hosts.some((pattern) => isHost(pattern, host)));
  return hosting === undefined ? null : { provider: hosting.name, by: 'host' };
}

function isHost(pattern: string, host: string): boolean {
  if (!pattern.startsWith('*')) return pattern === host;
  const ending = pattern.slice(1);
  return host.endsWith(ending) && host.length > ending.length;
}

function provider(
  name: string,
  aliases: readonly string[],
  hosts: readonly string[],
  fallbacks: readonly string[] = [],
): BookProvider {
  return { name, aliases, hosts, fallbacks };
}
