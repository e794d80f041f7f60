/** Where it is known whether any run was declared with limits of its own. */
export interface RunLimitsSource {
  hasRunLimits(): Promise<boolean>;
}

/** Knows whether any run has limits of its own, so that calls need not look up their run where none has. */
export class RunLimitsWatch {
  readonly #source: RunLimitsSource;
  #found = false;
  #hasFailed = false;

  constructor(source: RunLimitsSource) {
    this.#source = source;
  }

  get found(): boolean {
    return this.#found;
  }

  /** A run has been declared here, with limits or without. */
  declared(limits: readonly unknown[]): void {
    if (limits.length > 0) this.#found = true;
  }

  /** Asks anew. Once a run has limits they stay possible. Of failures in a row only the first is thrown. */
  async look(): Promise<void> {
    if (this.#found) return;
    try {
      this.#found = await this.#source.hasRunLimits();
      this.#hasFailed = false;
    } catch (error) {
      if (this.#hasFailed) return; // told already, and the ledger says by its state when it can be asked again
      this.#hasFailed = true;
      throw error;
    }
  }
}
