import type { Config, LimitRuleConfig } from './schema.ts';

/**
 * Names the configured limits, none of which this release enforces: `teams[0].limits[1]`. Start-up warns of each, since
 * a limit that is written down and does not hold is worse than none.
 */
export function unenforcedSettings(config: Config): string[] {
  return [
    ...config.teams.flatMap((team, index) => rulePaths(`teams[${index}].limits`, team.limits)),
    ...config.keys.flatMap((key, index) => rulePaths(`keys[${index}].limits`, key.limits)),
    ...rulePaths('limits.default_run', config.limits.default_run),
  ];
}

function rulePaths(path: string, rules: readonly LimitRuleConfig[]): string[] {
  return rules.map((_, index) => `${path}[${index}]`);
}
