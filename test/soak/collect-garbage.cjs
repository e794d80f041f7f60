// Loaded before the proxy in a soak: on SIGUSR2 everything that can be collected is, so that what is left is held.
process.on('SIGUSR2', () => {
  globalThis.gc();
  globalThis.gc();
});
