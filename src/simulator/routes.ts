import { type Answer, jsonAnswer, refusal } from './answer.ts';
import { type Call, resolveModel } from './call.ts';
import {
  createChatCompletion,
  deleteChatCompletion,
  listChatCompletions,
  retrieveChatCompletion,
  updateChatCompletion,
} from './chat.ts';
import { createCompletion } from './completions.ts';
import { createEmbeddings } from './embeddings.ts';
import { CREATED } from './identity.ts';
import {
  createImage,
  createSpeech,
  decide,
  editImage,
  moderate,
  transcribe,
  translateAudio,
  uploadFile,
} from './media.ts';
import {
  cancelResponse,
  compactResponse,
  countInputTokens,
  createResponse,
  deleteResponse,
  retrieveResponse,
} from './responses.ts';

type Handler = (call: Call) => Answer;

/** What the simulator answers below `/v1/`, by method and path; `{id}` stands for one path segment. */
const ROUTES: Readonly<Record<string, Readonly<Record<string, Handler>>>> = {
  models: { GET: listModels },
  'models/{id}': { GET: retrieveModel },
  'chat/completions': { GET: listChatCompletions, POST: createChatCompletion },
  'chat/completions/{id}': { GET: retrieveChatCompletion, POST: updateChatCompletion, DELETE: deleteChatCompletion },
  completions: { POST: createCompletion },
  responses: { POST: createResponse },
  'responses/input_tokens': { POST: countInputTokens },
  'responses/compact': { POST: compactResponse },
  'responses/{id}': { GET: retrieveResponse, DELETE: deleteResponse },
  'responses/{id}/cancel': { POST: cancelResponse },
  embeddings: { POST: createEmbeddings },
  moderations: { POST: moderate },
  decisions: { POST: decide },
  'images/generations': { POST: createImage },
  'images/edits': { POST: editImage },
  'audio/transcriptions': { POST: transcribe },
  'audio/translations': { POST: translateAudio },
  'audio/speech': { POST: createSpeech },
  files: { POST: uploadFile },
};

/** Paths whose requests are forms; every other request with a body must be JSON. */
const FORM_PATHS: ReadonlySet<string> = new Set([
  'images/edits',
  'audio/transcriptions',
  'audio/translations',
  'files',
]);

const PATHS: ReadonlyMap<string, Readonly<Record<string, Handler>>> = new Map(Object.entries(ROUTES));
const BASE = '/v1/';

export interface Route {
  readonly handle: Handler;
  /** The path segment that stands for `{id}`; empty where there is none. */
  readonly id: string;
  readonly takesForm: boolean;
}

/**
 * Finds the route of a request.
 *
 * @param path without query
 * @throws Refused 404 for an unknown path and 405 for a method that the path does not have
 */
export function findRoute(method: string, path: string): Route {
  const found = path.startsWith(BASE) ? findPath(path.slice(BASE.length)) : null;
  if (found === null) throw refusal(404, { message: `Invalid URL (${method} ${path})` });
  const handle = found.methods[method];
  if (handle === undefined) {
    throw refusal(405, {
      message: `Not allowed to ${method} on ${path}. (HINT: Perhaps you meant to use a different HTTP method?)`,
      code: 'method_not_supported',
    });
  }
  return { handle, id: found.id, takesForm: FORM_PATHS.has(found.pattern) };
}

interface FoundPath {
  readonly pattern: string;
  readonly methods: Readonly<Record<string, Handler>>;
  readonly id: string;
}

function findPath(path: string): FoundPath | null {
  const exact = PATHS.get(path);
  if (exact !== undefined) return { pattern: path, methods: exact, id: '' };
  const segments = path.split('/');
  for (let at = segments.length - 1; at > 0; at--) {
    const pattern = segments.with(at, '{id}').join('/');
    const methods = PATHS.get(pattern);
    const id = segments[at] ?? '';
    if (methods !== undefined && id !== '') return { pattern, methods, id };
  }
  return null;
}

function listModels(call: Call): Answer {
  return jsonAnswer(JSON.stringify({ object: 'list', data: call.state.models.names.map(modelObject) }));
}

function retrieveModel(call: Call): Answer {
  resolveModel(call, call.id);
  return jsonAnswer(JSON.stringify(modelObject(call.id)));
}

function modelObject(id: string): object {
  return { id, object: 'model', created: CREATED, owned_by: 'simulator' };
}
