import Type from 'typebox';
import { text } from './schema-words.ts';

/** Query parameters that several routes have. */

export const MOMENT = 'ISO 8601 (UTC where it names no offset) or Unix seconds.';

export const TEAM = text('Only this team. The key of a team sees its own in any case.');
export const TEAM_OF_ID = text('Whose it is, where several teams have the id.');
export const START_TIME = text(`From when, inclusive. ${MOMENT}`);
export const END_TIME = text(`Until when, exclusive. ${MOMENT}`);
export const CURSOR = text('The `next_cursor` of the last page of this same query.');

/** The size of a page. */
export const limit = (bounds: { readonly fallback: number; readonly max: number }) =>
  Type.Integer({ minimum: 1, maximum: bounds.max, default: bounds.fallback, description: 'How many on a page.' });

/** What the ids in paths are. */
export const PATH_PARAMETERS: Readonly<Record<string, string>> = {
  run_id: 'The id of a run, percent-encoded.',
  session_id: 'The id of a session, percent-encoded.',
  id: 'The id, percent-encoded.',
  name: 'The name of a sink, percent-encoded.',
  team: 'The id of a team, percent-encoded.',
  month: 'A calendar month of UTC, such as `2026-11`.',
  project_id: 'The id of a team, which is a project here.',
};
