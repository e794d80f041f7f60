/** The ending and the error code of a call that was left open by a process taken for dead (`recovery.ts`). */
export const RECOVERED = 'interrupted';
