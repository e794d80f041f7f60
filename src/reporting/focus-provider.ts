/** The names of the providers of the price book, as invoices bear them. */
const NAMES: Readonly<Record<string, string>> = {
  anthropic: 'Anthropic',
  arcee: 'Arcee AI',
  avian: 'Avian',
  azure: 'Microsoft',
  baseten: 'Baseten',
  cerebras: 'Cerebras',
  cloudflare: 'Cloudflare',
  cohere: 'Cohere',
  deepseek: 'DeepSeek',
  doubleword: 'Doubleword',
  fireworks: 'Fireworks AI',
  google: 'Google',
  groq: 'Groq',
  minimax: 'MiniMax',
  mistral: 'Mistral AI',
  moonshot: 'Moonshot AI',
  novita: 'Novita AI',
  openai: 'OpenAI',
  openrouter: 'OpenRouter',
  ovhcloud: 'OVHcloud',
  perplexity: 'Perplexity',
  together: 'Together AI',
  voyageai: 'Voyage AI',
  xai: 'xAI',
  zai: 'Z.ai',
  zhipuai: 'Zhipu AI',
};

/** Who sells what an upstream serves: the provider's name, else the name that the configuration gives the upstream. */
export function sellerName(provider: string | null, upstream: string): string {
  return (provider === null ? undefined : NAMES[provider]) ?? upstream;
}
