import { matchesGlob } from '../core/glob.ts';

/** Tells whether a model's name matches an exact name or a glob, in which `*` stands for any text, none included. */
export const matchesModel = matchesGlob;

export function isExactModel(pattern: string): boolean {
  return !pattern.includes('*');
}
