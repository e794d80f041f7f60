import type { IncomingHttpHeaders } from 'node:http';
import { type ErrorMembers, errorText, type WholeAnswer } from './answer.ts';
import type { Steering } from './steering.ts';

/** What OpenAI says with a status (wire.md 6.3); a status without a row gets the row of its class. */
const ERRORS = new Map<number, ErrorMembers>([
  [401, { message: 'Incorrect API key provided.', code: 'invalid_api_key' }],
  [403, { message: 'You are not allowed to use this model.', code: 'model_not_allowed' }],
  [404, { message: 'The requested resource was not found.', code: 'not_found' }],
  [429, { message: 'Rate limit reached for requests.', type: 'requests', code: 'rate_limit_exceeded' }],
  [
    503,
    {
      message: 'The server is overloaded. Please try again later.',
      type: 'service_unavailable_error',
      code: 'server_is_overloaded',
    },
  ],
]);

const CLIENT_ERROR: ErrorMembers = { message: 'The request was refused by the simulator.', code: 'simulated_error' };
const SERVER_ERROR: ErrorMembers = {
  message: 'The server had an error while processing your request. Sorry about that!',
  type: 'server_error',
  code: 'server_error',
};

/** The error that `x-sim-status` asks for; null where it does not, or no longer for this attempt. */
export function steeredError(headers: IncomingHttpHeaders, steering: Steering): WholeAnswer | null {
  const { status, statusAttempts, errorHtml, retryAfterMs } = steering;
  if (status === null) return null;
  if (statusAttempts !== null && Number(headers['x-stainless-retry-count'] ?? 0) >= statusAttempts) return null;
  const members = ERRORS.get(status) ?? (status < 500 ? CLIENT_ERROR : SERVER_ERROR);
  return {
    kind: 'whole',
    status,
    contentType: errorHtml ? 'text/html' : 'application/json',
    body: errorHtml ? htmlError(status) : errorText(members),
    headers: retryHeaders(retryAfterMs),
  };
}

/** A page such as a load balancer before the API sends. */
function htmlError(status: number): string {
  return `<html>\r\n<head><title>${status}</title></head>\r\n<body><center><h1>${status}</h1></center></body>\r\n</html>\r\n`;
}

function retryHeaders(retryAfterMs: number | null): Record<string, string> {
  if (retryAfterMs === null) return {};
  return { 'retry-after-ms': String(retryAfterMs), 'retry-after': String(Math.ceil(retryAfterMs / 1000)) };
}
