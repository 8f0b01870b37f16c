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
  }

  return {
    request() {
      if (closed) return;
      again = true;
      running ??= run().finally(() => {
        running = undefined;
      });
    },
    async close() {
      closed = true;
      await running;
    },
  };
}
