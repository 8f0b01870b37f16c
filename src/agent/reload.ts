/** Runs one reload at a time; of those that are asked for meanwhile, one more is run after it. */
export interface Reloader {
  request(): void;
  /** Waits for the reload that runs, and takes no other. */
  close(): Promise<void>;
}

/** @param reload must not reject */
export function createReloader(reload: () => Promise<void>): Reloader {
  let running: Promise<void> | undefined;
  let again = false;
  let closed = false;

  async function run(): Promise<void> {
    do {
      again = false;
      await reload();
    } while (again && !closed);
    // Here, so that no request falls between the last look and the end.
    running = undefined;
  }

  return {
    request() {
      if (closed) return;
      again = true;
      running ??= run();
    },
    async close() {
      closed = true;
      await running;
    },
  };
}
