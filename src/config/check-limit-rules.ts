import { checkTree } from './check-tree.ts';
import { FaultList } from './fault-list.ts';
import { LIMIT_RULE } from './limit-rule.ts';
import { list } from './schema-parts.ts';

const LIMIT_RULES = list(LIMIT_RULE, { description: 'Limit rules.', expects: 'a list of limit rules' });

/**
 * Judges limit rules that come over the management API by the schema of the configuration's.
 *
 * @returns what is wrong with the first wrong one and how to mend it, as `limits[0].per must be …`; null where all are right
 */
export function limitRulesFault(rules: unknown): string | null {
  const faults = new FaultList(() => null);
  checkTree({ schema: LIMIT_RULES, path: ['limits'], value: rules }, faults);
  const [fault] = faults.inOrder();
  return fault === undefined ? null : `${fault.path} ${fault.message}: ${fault.hint}.`;
}
