/** What the exit codes of the commands mean (contract.md, "Command line"). */
export const EXIT_OK = 0;
export const EXIT_FAILURE = 1;
export const EXIT_USAGE = 2;
/** The configuration has faults: `EX_CONFIG` of sysexits(3). */
export const EXIT_CONFIG = 78;
