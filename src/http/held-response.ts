/** How much of a rejection is read to keep its connection; one with more loses it. Bytes. */
export const MAX_DISCARDED_BYTES = 64 * 1024;

export interface HeldResponseOptions {
  /** Gives what sends the request again, or undefined: then the response is handed on. When it fails, that is the error. */
  retry: () => Promise<(() => void) | undefined>;
  /** Lets the response's body flow. */
  resume: () => void;
  abort: (reason: Error) => void;
  /** Tells the caller that the request failed. */
  fail: (error: Error) => void;
}

/** A 401 that waits, its body unread, until it is known whether the request is sent again. */
export interface HeldResponse<T> {
  /** What comes of the response goes through here, in order: headers, data, end. */
  pass(event: () => T, bytes?: number): T | undefined;
  end(event: () => T): T | undefined;
  /** The connection broke, or the caller ended it. */
  break(error: Error): void;
}

export function holdResponse<T>(options: HeldResponseOptions): HeldResponse<T> {
  const { retry, resume, abort, fail } = options;
  let phase: 'waiting' | 'passing' | 'discarding' = 'waiting';
  /** undici's own connections obey when they are told to wait; others may not. */
  const waiting: (() => T)[] = [];
  let hasEnded = false;
  let discarded = 0;

  async function decide(): Promise<void> {
    try {
      const send = await retry();
      if (phase !== 'waiting') return;
      phase = send === undefined ? 'passing' : 'discarding';
      if (send === undefined) for (const event of waiting) event();
      // Where it has ended, its connection may serve another request by now.
      if (!hasEnded) resume();
      // After the rest of the response was read, so that its connection is free again.
      send?.();
    } catch (error) {
      phase = 'discarding';
      fail(error as Error);
      abort(error as Error);
    }
  }
  decide();

  return {
    pass(event, bytes = 0) {
      if (phase === 'passing') return event();
      if (phase === 'waiting') waiting.push(event);
      discarded += bytes;
      if (phase === 'discarding' && discarded > MAX_DISCARDED_BYTES) abort(new Error('the rest is not wanted'));
      return undefined;
    },
    end(event) {
      hasEnded = true;
      return this.pass(event);
    },
    break(error) {
      const isOver = phase === 'discarding';
      phase = 'discarding';
      if (!isOver) fail(error);
    },
  };
}
