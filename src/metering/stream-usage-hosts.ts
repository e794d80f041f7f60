/**
 * What upstreams do about usage in chat streams, by host (wire.md 2.2 and 2.3). A host that is not in the table is
 * asked, and hidden from, as OpenAI is.
 */
export interface StreamUsageHost {
  /** The host, or the end of one where it begins with a dot. */
  readonly host: string;
  /** `do_not_ask`: the usage comes anyway, or asking is an error. */
  readonly policy: 'ask' | 'do_not_ask';
  /** It sends usage on events with choices, without a null on the others, and only to those who ask. */
  readonly onlyWhenAsked?: true;
}

const HOSTS: readonly StreamUsageHost[] = [
  { host: 'api.mistral.ai', policy: 'do_not_ask' }, // 422 on include_usage; usage in the last chunk anyway
  { host: '.api.mistral.ai', policy: 'do_not_ask' },
  { host: 'api.cohere.ai', policy: 'do_not_ask' }, // rejects stream_options
  { host: 'api.cohere.com', policy: 'do_not_ask' },
  { host: '.cloud.databricks.com', policy: 'do_not_ask' }, // 400 with some models
  { host: '.gcp.databricks.com', policy: 'do_not_ask' },
  { host: '.azuredatabricks.net', policy: 'do_not_ask' },
  { host: '.databricksapps.com', policy: 'do_not_ask' },
  { host: 'api.groq.com', policy: 'do_not_ask' }, // the rest send it unasked
  { host: 'openrouter.ai', policy: 'do_not_ask' },
  { host: 'api.perplexity.ai', policy: 'do_not_ask' },
  { host: 'api.cerebras.ai', policy: 'do_not_ask' },
  { host: 'router.huggingface.co', policy: 'do_not_ask' },
  { host: 'api.deepseek.com', policy: 'do_not_ask' }, // asking adds the nulls, the usage comes on the finish chunk anyway
  { host: 'api.together.xyz', policy: 'do_not_ask' }, // nulls and usage both come unasked
  { host: 'api.together.ai', policy: 'do_not_ask' },
  { host: 'generativelanguage.googleapis.com', policy: 'ask', onlyWhenAsked: true }, // running usage on every chunk
  { host: 'api.moonshot.ai', policy: 'ask', onlyWhenAsked: true },
  { host: 'api.moonshot.cn', policy: 'ask', onlyWhenAsked: true },
  { host: 'api.z.ai', policy: 'ask', onlyWhenAsked: true },
];

/**
 * Whether `stream_usage: auto` asks this upstream for stream usage.
 *
 * @param host the host name of the upstream's base URL, with or without a port
 */
export function streamUsagePolicyOf(host: string): 'ask' | 'do_not_ask' {
  return find(host)?.policy ?? 'ask';
}

/** Whether usage on an event with choices is there only because it was asked for; see `InjectedUsageHider`. */
export function sendsUsageOnlyWhenAsked(host: string): boolean {
  return find(host)?.onlyWhenAsked === true;
}

function find(host: string): StreamUsageHost | undefined {
  const name = host.toLowerCase().replace(/:\d+$/, '').replace(/\.$/, '');
  return HOSTS.find((row) => name === row.host || (row.host.startsWith('.') && name.endsWith(row.host)));
}
