import type { Caller } from '../attribution/attribution.ts';
import { needsModel } from './admit-caller.ts';
import type { Reading } from './read-request.ts';
import type { ProxyRooms, ProxySettings } from './rooms.ts';

/** How the requests of a caller are read. */
export function readingOf(
  caller: Caller,
  { bodyLimitBytes, upstreams }: Pick<ProxySettings, 'bodyLimitBytes' | 'upstreams'>,
  { skimmer }: Pick<ProxyRooms, 'skimmer'>,
): Reading {
  return { bodyLimitBytes, skimmer, needsModel: needsModel(caller, upstreams) };
}
