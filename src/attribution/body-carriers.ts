import type { BodyCarriers } from './attribution.ts';
import { idMember, isJsonObject, type JsonObject } from './json-object.ts';

/**
 * Picks from a request body what may name a run, session or user. Members of another type than expected are null: the
 * upstream is the one to judge them.
 */
export function readBodyCarriers(body: JsonObject): BodyCarriers {
  const metadata = body['metadata'];
  const conversation = body['conversation'];
  return {
    metadata: isJsonObject(metadata) ? metadata : null,
    promptCacheKey: filledText(body, 'prompt_cache_key'),
    conversationId: isJsonObject(conversation) ? filledText(conversation, 'id') : filledText(body, 'conversation'),
    previousResponseId: filledText(body, 'previous_response_id'),
    endUser: filledId(body, 'user') ?? filledId(body, 'safety_identifier'),
    sessionId: filledId(body, 'litellm_session_id') ?? filledId(body, 'session_id'),
  };
}

function filledText(object: JsonObject, name: string): string | null {
  const value = object[name];
  return typeof value === 'string' && value !== '' ? value : null;
}

function filledId(object: JsonObject, name: string): string | null {
  return idMember(object, name) || null;
}
