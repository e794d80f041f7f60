import type { Caller } from '../attribution/attribution.ts';
import { MetertapError } from '../core/errors.ts';
import { matchesModel } from '../pricing/model-pattern.ts';
import type { Exchange } from './exchange.ts';

/** A path as it is written, without anything that could be decoded once more into another one. */
const PLAIN_PATH = /^[\w~:@!$&'()*+,;=./-]+$/;

/**
 * Whether the key may make calls at all, and to this endpoint. Before the body is read.
 *
 * @throws MetertapError `permission_denied`, `endpoint_not_allowed`
 */
export function admitEndpoint({ endpoint, path }: Exchange, { permissions }: Caller): void {
  if (!permissions.scopes.includes('inference')) {
    const message = 'This key may not make calls: it has no scope "inference". Use another key, or have it changed.';
    throw new MetertapError('permission_denied', message);
  }
  if (permissions.endpoints === null) return;
  const isListed = (pattern: string) =>
    matchesModel(pattern, endpoint.name) || (PLAIN_PATH.test(path) && matchesModel(pattern, path));
  if (permissions.endpoints.some(isListed)) return;
  const message = `This key may not call /v1/${path}. Use another key, or have its list of endpoints changed.`;
  throw new MetertapError('endpoint_not_allowed', message);
}

/**
 * Whether the key may use the model. A call that is metered, or may be, must name one where the key has a list, since
 * nobody could say which one it would use. Endpoints that are free are judged by the model where they name one.
 *
 * @throws MetertapError `model_not_allowed`
 */
export function admitModel({ endpoint }: Exchange, { permissions }: Caller, model: string | null): void {
  const { models } = permissions;
  if (models === null) return;
  if (model === null) {
    if (endpoint.kind === 'free') return;
    const message = 'This key may use certain models only, so its calls must name one that can be read. Give "model".';
    throw new MetertapError('model_not_allowed', message, { param: 'model' });
  }
  if (models.some((pattern) => matchesModel(pattern, model))) return;
  const message = `This key may not use the model '${model}'. Use another model, or have the key's list changed.`;
  throw new MetertapError('model_not_allowed', message, { param: 'model' });
}

/** Whether the model must be known before the call goes out: to choose an upstream, or to judge it. */
export function needsModel({ permissions }: Caller, upstreams: { readonly hasSeveral: boolean }): boolean {
  return upstreams.hasSeveral || permissions.models !== null;
}

/** An endpoint as a list of them has it: `/v1/chat/completions` and `chat/completions` are the same. */
export function endpointPattern(written: string): string {
  return written.replace(/^\/?(?:v1\/)?/, '');
}
