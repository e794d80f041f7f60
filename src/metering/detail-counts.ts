/**
 * Counts that stand in a usage's `details` and yet are summed like the counts with a member of their own, because
 * reports of usage tell them (standards.md 1.1). Each has every name that upstreams and our normalising give it; the
 * first that is there holds, as in pricing.
 */
export const DETAIL_COUNTS = {
  cache_write_30m_tokens: ['cache_write_30m_tokens'],
  cache_write_12h_tokens: ['cache_write_12h_tokens'],
  cached_image_tokens: ['cached_image_tokens'],
  output_image_tokens: ['output_image_tokens'],
  web_searches: ['web_search_requests', 'server_tool_use_web_search_requests', 'num_search_queries'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type DetailCount = keyof typeof DETAIL_COUNTS;

export const DETAIL_COUNT_NAMES = [
  'cache_write_30m_tokens',
  'cache_write_12h_tokens',
  'cached_image_tokens',
  'output_image_tokens',
  'web_searches',
] as const satisfies readonly DetailCount[];

/** More than any call can have used is a fault of the upstream, and would spoil every sum it went into. */
export const MAX_DETAIL_COUNT = 1e12;

/** Reads one such count; 0 where it is not told, or is no whole number that a call can have used. */
export function detailCountOf(details: Readonly<Record<string, unknown>>, name: DetailCount): number {
  for (const spelling of DETAIL_COUNTS[name]) {
    const value = details[spelling];
    if (value === undefined) continue;
    return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_DETAIL_COUNT ? value : 0;
  }
  return 0;
}
