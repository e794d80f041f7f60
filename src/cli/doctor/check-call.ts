import { setTimeout as pause } from 'node:timers/promises';
import { askManagement, type ManagementAccess, ManagementFailure, memberOf } from '../management-client.ts';
import { cellText } from '../text-table.ts';
import { type Finding, fail, ok, reasonOf, warn } from './finding.ts';

export interface TrialCall {
  readonly model: string;
  /** What the call is made with. */
  readonly credential: string;
  readonly timeoutMs: number;
}

/** Models that think need room before the first word. */
const MOST_OUTPUT_TOKENS = 64;
const RECORD_WAIT_MS = 5_000;
const RECORD_PAUSE_MS = 50;

/**
 * Makes one small streamed call through the proxy, without asking for its usage, and reads its record back: so that it
 * is seen that the upstream takes the call and reports usage for streams, and that the ledger has it with a price.
 */
export async function checkCall(access: ManagementAccess, call: TrialCall): Promise<Finding[]> {
  const check = `call of ${cellText(call.model)}`;
  const root = access.baseUrl.replace(/\/+$/, '').replace(/\/v1$/, '');
  try {
    const answer = await fetch(`${root}/v1/chat/completions`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${call.credential}`,
        'content-type': 'application/json',
        'x-metertap-agent': 'metertap-doctor',
      },
      body: JSON.stringify({
        model: call.model,
        stream: true,
        max_completion_tokens: MOST_OUTPUT_TOKENS,
        messages: [{ role: 'user', content: 'Say OK.' }],
      }),
      signal: AbortSignal.any([access.stop, AbortSignal.timeout(call.timeoutMs)]),
    });
    const text = await answer.text();
    if (!answer.ok) return [refusalFinding(check, answer.status, text)];
    return [ok(check, 'was answered'), await recordFinding(access, answer.headers.get('x-metertap-request-id') ?? '')];
  } catch (error) {
    if (access.stop.aborted) throw error;
    return [
      fail(check, `failed: ${reasonOf(error)}`, 'The lines above may say why; else look at the log of the proxy.'),
    ];
  }
}

function refusalFinding(check: string, status: number, text: string): Finding {
  let message: unknown;
  try {
    message = memberOf(JSON.parse(text), 'error', 'message');
  } catch {
    message = undefined; // an answer that is no JSON says nothing more than its status
  }
  const said = typeof message === 'string' ? `: ${cellText(message.slice(0, 200))}` : '';
  return fail(check, `was refused with ${status}${said}`, 'docs/errors.md tells what each error of Metertap asks for.');
}

/** A record is in the journal before the last byte goes out; what shows it may be a moment behind. */
async function recordFinding(access: ManagementAccess, id: string): Promise<Finding> {
  for (let waitedMs = 0; ; waitedMs += RECORD_PAUSE_MS) {
    const record = await findRecord(access, id);
    if (record !== null && memberOf(record, 'ending') !== 'in_flight') return judged(record);
    if (waitedMs >= RECORD_WAIT_MS) {
      return fail('its record', `is not in the ledger: ${cellText(id)}`, 'Look at /readyz and the log of the proxy.');
    }
    await pause(RECORD_PAUSE_MS);
  }
}

async function findRecord(access: ManagementAccess, id: string): Promise<unknown> {
  try {
    return await askManagement(access, `/records/${encodeURIComponent(id)}`, {});
  } catch (error) {
    if (error instanceof ManagementFailure) return null;
    throw error;
  }
}

function judged(record: unknown): Finding {
  const source = memberOf(record, 'usage_source');
  const cost = memberOf(record, 'cost_usd');
  const tokens = `${cellText(memberOf(record, 'usage', 'input_tokens'))} + ${cellText(memberOf(record, 'usage', 'output_tokens'))} tokens`;
  if (source !== 'reported') {
    const hint = 'Set upstreams[].stream_usage: always, if the upstream can tell usage in streams.';
    return warn('its record', `the upstream reported no usage for the stream: ${cellText(source)}`, hint);
  }
  if (cost === null) return warn('its record', `${tokens}, but the model has no price`, 'Add one: docs/prices.md.');
  return ok('its record', `${tokens} as the upstream reported them, ${cellText(cost)} USD`);
}
