import type { FastifyRequest } from 'fastify';
import { MetertapError } from '../core/errors.ts';
import type { ChangeAuthor, ChangeOutcome, ChangeRefusal } from '../ledger/access-book.ts';
import { notFound, readerOf } from './management-scope.ts';

/** Who asks for a change, for the audit. The address is that of the connection, which nobody can make up. */
export function authorOf(request: FastifyRequest): ChangeAuthor {
  const reader = readerOf(request);
  return {
    actor: reader.keyId === undefined ? 'admin' : `key:${reader.keyId}`,
    requestId: request.id,
    address: request.socket.remoteAddress ?? null,
  };
}

/** What is changed. */
export interface ChangeTarget {
  readonly kind: 'team' | 'key';
  readonly id: string;
}

/**
 * The row after a change.
 *
 * @throws MetertapError `not_found` or `conflict` for a change that was refused
 */
export function rowAfter<Row>(outcome: ChangeOutcome<Row>, target: ChangeTarget): Row {
  if (outcome.kind === 'refused') throw refusal(outcome.why, target);
  return outcome.row;
}

/** The error for a change of what the configuration file has. */
export function inFile({ kind, id }: ChangeTarget): MetertapError {
  const message =
    `The ${kind} ${JSON.stringify(id)} is in the configuration file and cannot be changed here. ` +
    `Edit ${kind}s: in the file, and reload it.`;
  return new MetertapError('conflict', message, { param: 'id' });
}

const CONFLICTS: Readonly<Record<Exclude<ChangeRefusal, 'not_found'>, (target: ChangeTarget) => string>> = {
  exists: ({ kind, id }) =>
    kind === 'key'
      ? `There is, or was, a key ${JSON.stringify(id)}. Ids of keys are not used again: choose another one.`
      : `There is a team ${JSON.stringify(id)} already. Change it with PATCH, or choose another id.`,
  revoked: ({ id }) => `The key ${JSON.stringify(id)} has been revoked, which is for ever. Make a new one.`,
  has_keys: ({ id }) => `The team ${JSON.stringify(id)} has keys that are not revoked. Revoke them first.`,
};

function refusal(why: ChangeRefusal, target: ChangeTarget): MetertapError {
  if (why === 'not_found') return notFound(target.kind, target.id);
  return new MetertapError('conflict', CONFLICTS[why](target), { param: 'id' });
}
