import type { Config, UpstreamConfig } from '../../config/schema.ts';
import { type Finding, fail, ok, reasonOf, warn } from './finding.ts';
import { reach, Unreachable } from './reach.ts';

export interface UpstreamCheck {
  readonly timeoutMs: number;
  readonly nowMs: () => number;
  readonly authMode: Config['auth']['mode'];
}

/** More than this between two clocks makes windows of limits, and the times in bills, wrong. */
const MOST_SKEW_MS = 120_000;

/** One upstream: its name, port and TLS, and whether it takes the key. */
export async function checkUpstream(upstream: UpstreamConfig, how: UpstreamCheck): Promise<Finding[]> {
  const check = `upstream ${upstream.name}`;
  try {
    await reach(new URL(upstream.base_url), how.timeoutMs);
    const answer = await askModels(upstream, how.timeoutMs);
    return [statusFinding(check, answer.status, upstream, how.authMode), ...clockFindings(answer, how.nowMs())];
  } catch (error) {
    if (error instanceof Unreachable) return [fail(check, error.message, error.hint)];
    const hint = 'Check upstreams[].base_url: it is written as SDKs have it, with /v1 where the upstream has that.';
    return [fail(check, `no answer to GET /models: ${reasonOf(error)}`, hint)];
  }
}

async function askModels(upstream: UpstreamConfig, timeoutMs: number): Promise<Response> {
  const authorization = upstream.api_key === undefined ? {} : { authorization: `Bearer ${upstream.api_key}` };
  const answer = await fetch(`${upstream.base_url}/models`, {
    headers: { ...upstream.headers, ...authorization },
    signal: AbortSignal.timeout(timeoutMs),
  });
  await answer.body?.cancel();
  return answer;
}

function statusFinding(check: string, status: number, upstream: UpstreamConfig, authMode: string): Finding {
  const hasKey = upstream.api_key !== undefined;
  if (status === 401 && !hasKey && authMode === 'passthrough') {
    return ok(check, 'reached; it has no key of its own here, and asks clients for theirs');
  }
  if (status === 401 && !hasKey) {
    const hint =
      'Set upstreams[].api_key, METERTAP_UPSTREAM_KEY or OPENAI_API_KEY: in keys mode it replaces the client’s.';
    return fail(check, 'reached, but it asks for a key and has none', hint);
  }
  if (status === 401)
    return fail(check, 'reached, but it does not take the key (401)', 'Set upstreams[].api_key anew.');
  if (status === 403) {
    return warn(
      check,
      'reached, but the key may not list models (403)',
      'Check that it may call models; --call MODEL tries one.',
    );
  }
  if (status === 404) {
    const hint = 'Some upstreams have no /models; if calls fail too, base_url lacks its /v1. --call MODEL tries one.';
    return warn(check, 'reached, but it has no /models (404)', hint);
  }
  if (status >= 500)
    return warn(check, `reached, but it answers ${status}`, 'It has trouble of its own; try again later.');
  return ok(check, `reached${hasKey ? ', and takes the key' : ''}`);
}

function clockFindings(answer: Response, nowMs: number): Finding[] {
  const told = Date.parse(answer.headers.get('date') ?? '');
  if (Number.isNaN(told)) return [];
  const skewSeconds = Math.round((nowMs - told) / 1_000);
  if (Math.abs(skewSeconds) * 1_000 <= MOST_SKEW_MS) return [ok('clock', 'as that of the upstream')];
  const way = skewSeconds > 0 ? 'ahead of' : 'behind';
  const hint = 'Set the clock of this machine, best by NTP: days and months of limits and bills are read from it.';
  return [warn('clock', `${Math.abs(skewSeconds)} s ${way} that of the upstream`, hint)];
}
