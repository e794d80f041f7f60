/** Where the rows of a provider of the book come from. */
export interface ProviderSource {
  /** The provider's name in the book (src/pricing/book-providers.ts). */
  readonly name: string;
  /** Its id in `@pydantic/genai-prices`. */
  readonly genaiPrices: string;
  readonly litellm?: LitellmSource;
}

export interface LitellmSource {
  /** What stands before the model's name in LiteLLM's keys. */
  readonly prefix: string;
  /** The values of `litellm_provider` that mean it. */
  readonly providers: readonly string[];
  /**
   * Whether models that genai-prices does not know are taken from LiteLLM. Only where LiteLLM's names are those of the
   * provider's own API, and its prices agree with genai-prices wherever both know a model.
   */
  readonly fills: boolean;
}

/** The providers whose API is, or can be had as, that of OpenAI. */
export const PROVIDER_SOURCES: readonly ProviderSource[] = [
  { name: 'anthropic', genaiPrices: 'anthropic', litellm: litellm('', ['anthropic'], 'fills') },
  { name: 'arcee', genaiPrices: 'arcee' },
  { name: 'avian', genaiPrices: 'avian' },
  { name: 'azure', genaiPrices: 'azure' },
  { name: 'baseten', genaiPrices: 'baseten' },
  { name: 'cerebras', genaiPrices: 'cerebras', litellm: litellm('cerebras/', ['cerebras'], 'fills') },
  { name: 'cloudflare', genaiPrices: 'cloudflare' },
  { name: 'cohere', genaiPrices: 'cohere' },
  { name: 'deepseek', genaiPrices: 'deepseek' },
  { name: 'doubleword', genaiPrices: 'doubleword' },
  { name: 'fireworks', genaiPrices: 'fireworks', litellm: litellm('fireworks_ai/', ['fireworks_ai']) },
  { name: 'google', genaiPrices: 'google', litellm: litellm('gemini/', ['gemini'], 'fills') },
  { name: 'groq', genaiPrices: 'groq', litellm: litellm('groq/', ['groq'], 'fills') },
  { name: 'minimax', genaiPrices: 'minimax' },
  { name: 'mistral', genaiPrices: 'mistral', litellm: litellm('mistral/', ['mistral'], 'fills') },
  { name: 'moonshot', genaiPrices: 'moonshotai', litellm: litellm('moonshot/', ['moonshot'], 'fills') },
  { name: 'novita', genaiPrices: 'novita' },
  { name: 'openai', genaiPrices: 'openai', litellm: litellm('', ['openai', 'text-completion-openai'], 'fills') },
  { name: 'openrouter', genaiPrices: 'openrouter' },
  { name: 'ovhcloud', genaiPrices: 'ovhcloud' },
  { name: 'perplexity', genaiPrices: 'perplexity' },
  { name: 'together', genaiPrices: 'together' },
  { name: 'voyageai', genaiPrices: 'voyageai' },
  { name: 'xai', genaiPrices: 'x-ai', litellm: litellm('xai/', ['xai'], 'fills') },
  { name: 'zai', genaiPrices: 'zai' },
  { name: 'zhipuai', genaiPrices: 'zhipuai' },
];

function litellm(prefix: string, providers: readonly string[], fills?: 'fills'): LitellmSource {
  return { prefix, providers, fills: fills !== undefined };
}
