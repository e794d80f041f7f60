import type { Dimension } from '../api/usage-sums.ts';

/** What the chart can show, and by what. */
export type Measure = 'cost' | 'tokens' | 'calls';

export const MEASURES: readonly { readonly id: Measure; readonly label: string }[] = [
  { id: 'cost', label: 'Cost' },
  { id: 'tokens', label: 'Tokens' },
  { id: 'calls', label: 'Calls' },
];
export const GROUPS: readonly { readonly id: Dimension; readonly label: string }[] = [
  { id: 'team', label: 'Team' },
  { id: 'model', label: 'Model' },
  { id: 'agent', label: 'Agent' },
  { id: 'key_id', label: 'Key' },
  { id: 'endpoint', label: 'Endpoint' },
];
