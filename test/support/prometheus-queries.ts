import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

/** A query of a board or a rule, and where it stands. */
export interface PrometheusQuery {
  readonly where: string;
  readonly expr: string;
  /** What the legend or the texts of an alert take out of the labels of its result. */
  readonly templates: string;
  /** The name of what a recording rule records. */
  readonly records: string | null;
}

const CONFIG = join(import.meta.dirname, '../../config');

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

interface Board {
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition: string }[] };
}

interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

function boards(): Board[] {
  const folder = join(CONFIG, 'grafana/dashboards');
  return readdirSync(folder).map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')));
}

/** Every query of the boards, their variables among them. */
export function boardQueries(): PrometheusQuery[] {
  return boards().flatMap((board) => [
    ...board.panels.flatMap(({ title, targets = [] }) =>
      targets.map(({ expr, legendFormat: templates }) => ({
        where: `${board.title}, ${title}`,
        expr,
        templates,
        records: null,
      })),
    ),
  ]);
}

/** `label_values(metric, label)` of the boards' variables. */
export function boardVariables(): { name: string; definition: string }[] {
  return boards().flatMap(({ templating }) => [...templating.list]);
}

/** Every query of the recording and alerting rules. */
export function ruleQueries(): PrometheusQuery[] {
  return ['recording-rules.yml', 'alerting-rules.yml'].flatMap((file) => {
    const rules: { groups: { rules: Rule[] }[] } = parse(readFileSync(join(CONFIG, 'prometheus', file), 'utf8'));
    return rules.groups.flatMap((group) =>
      group.rules.map(({ record, alert, expr, annotations = {} }) => ({
        where: `${file}, ${record ?? alert}`,
        expr,
        templates: Object.values(annotations).join(' '),
        records: record ?? null,
      })),
    );
  });
}
