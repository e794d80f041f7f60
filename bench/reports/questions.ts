import { SAMPLE_RUN } from './fill.ts';

/** One report of the API. */
export interface Question {
  readonly name: string;
  readonly path: string;
  /** What answers it. */
  readonly source: string;
}

const DAY_S = 86_400;

/** The reports that are timed, for a ledger whose records end now. */
export function questions(nowMs: number): readonly Question[] {
  const today = Math.floor(nowMs / 1_000 / DAY_S) * DAY_S;
  const ago = (days: number) => today - days * DAY_S;
  const now = Math.floor(nowMs / 1_000);
  const organization = (path: string, query: string): string => `/v1/organization/${path}?${query}`;
  const elastic = 'group_by=project_id,user_id,api_key_id,model,batch';
  return [
    question('usage, 31 days', organization('usage/completions', `start_time=${ago(30)}&limit=31`), 'days'),
    question(
      'usage, 31 days by project and model',
      organization('usage/completions', `start_time=${ago(30)}&limit=31&group_by=project_id,model`),
      'days',
    ),
    question(
      'usage, 7 days as Elastic asks',
      organization('usage/completions', `start_time=${ago(6)}&limit=7&${elastic}`),
      'days of users',
    ),
    question(
      'usage, 31 days as Elastic asks',
      organization('usage/completions', `start_time=${ago(30)}&limit=31&${elastic}`),
      'days of users',
    ),
    question(
      'usage, 168 hours by model',
      organization('usage/completions', `start_time=${now - 168 * 3_600}&bucket_width=1h&limit=168&group_by=model`),
      'hours',
    ),
    question(
      'usage, 1,440 minutes by project',
      organization('usage/completions', `start_time=${now - DAY_S}&bucket_width=1m&limit=1440&group_by=project_id`),
      'minutes',
    ),
    question(
      'usage, 24 hours by user',
      organization('usage/completions', `start_time=${now - DAY_S}&bucket_width=1h&group_by=user_id`),
      'records',
    ),
    question(
      'costs, 90 days by project',
      organization('costs', `start_time=${ago(89)}&limit=180&group_by=project_id`),
      'days',
    ),
    question(
      'costs, 30 days by user',
      organization('costs', `start_time=${ago(29)}&limit=30&group_by=user_id`),
      'days of users',
    ),
    question(
      'a month of a team, by key and model',
      `/api/v1/usage?bucket=1d&start_time=${ago(30)}&end_time=${today}&team=team-7&group_by=key_id,model,usage_source`,
      'days',
    ),
    question('30 days by agent', `/api/v1/usage?bucket=1d&start_time=${ago(30)}&group_by=agent`, 'days of agents'),
    question(
      'sum of three runs',
      `/api/v1/usage?bucket=1d&start_time=${ago(89)}&run_id=run-7&run_id=run-8&run_id=run-9`,
      'activity',
    ),
    question('runs, latest 20', '/api/v1/runs', 'runs'),
    question('runs, dearest 20', '/api/v1/runs?order=-cost', 'runs'),
    question('one run', `/api/v1/runs/${SAMPLE_RUN.runId}?team=${SAMPLE_RUN.team}`, 'runs, its records'),
    question('records, latest 100', '/api/v1/records', 'records'),
  ];
}

function question(name: string, path: string, source: string): Question {
  return { name, path, source };
}
