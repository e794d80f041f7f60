import type { ChangeAuthor } from '../../src/ledger/access-book.ts';
import type { RepriceQuestion } from '../../src/ledger/correction.ts';

/** Who makes the changes of tests. */
export const ADMIN: ChangeAuthor = { actor: 'admin', requestId: null, address: null };

/** Who has costs corrected, and what was asked for: all calls of a year. */
export const CORRECTING: { readonly author: ChangeAuthor; readonly asked: RepriceQuestion } = {
  author: ADMIN,
  asked: { team: null, model: null, upstream: null, startMs: Date.UTC(2026, 0, 1), endMs: Date.UTC(2027, 0, 1) },
};
