import { refusal } from './answer.ts';

/** The dated snapshot by which an answer names an alias. A model without a row is answered under its own name. */
const SNAPSHOTS = new Map([
  ['gpt-5-mini', 'gpt-5-mini-2026-02-01'],
  ['gpt-5', 'gpt-5-2025-08-07'],
  ['gpt-5.2', 'gpt-5.2-2025-12-11'],
  ['gpt-4o', 'gpt-4o-2024-08-06'],
  ['gpt-4o-mini', 'gpt-4o-mini-2024-07-18'],
  ['o4-mini', 'o4-mini-2025-04-16'],
]);

/** The models that a simulator knows unless it is told others. */
export const DEFAULT_MODELS: readonly string[] = [
  'gpt-5-mini',
  'gpt-5',
  'gpt-5.2',
  'gpt-4o',
  'gpt-4o-mini',
  'o4-mini',
  'gpt-4o-transcribe',
  'gpt-4o-mini-transcribe',
  'whisper-1',
  'tts-1',
  'gpt-image-1',
  'text-embedding-3-small',
  'text-embedding-3-large',
  'omni-moderation-latest',
  'gpt-3.5-turbo-instruct',
];

/** The models of one simulator. A name `*` among them stands for every model. */
export class ModelCatalog {
  readonly names: readonly string[];
  readonly #known: ReadonlySet<string>;
  readonly #anyModel: boolean;

  constructor(names: readonly string[]) {
    this.#anyModel = names.includes('*');
    this.names = names.filter((name) => name !== '*');
    this.#known = new Set(this.names.flatMap((name) => [name, snapshotOf(name)]));
  }

  /**
   * Gives the name under which `model` answers: an alias's dated snapshot.
   *
   * @throws Refused 404 `model_not_found` where the model is unknown and `anyModel` is false
   */
  resolve(model: string, anyModel: boolean): string {
    if (!anyModel && !this.#anyModel && !this.#known.has(model)) {
      throw refusal(404, {
        message: `The model \`${model}\` does not exist or you do not have access to it.`,
        code: 'model_not_found',
      });
    }
    return snapshotOf(model);
  }
}

function snapshotOf(model: string): string {
  return SNAPSHOTS.get(model) ?? model;
}
