import { isCancel, select, text } from '@clack/prompts';
import { ImsvaultError } from '../errors.js';
import type { Ask } from './answers.js';

/** Questions on the terminal of this process. */
export function createPrompts(): Ask {
  return {
    async choose(message, choices) {
      return answered((signal) => select({ message, options: [...choices], signal }));
    },
    async text(message, { initial, required }) {
      const answer = await answered((signal) =>
        text({
          message,
          ...(initial === undefined ? {} : { initialValue: initial }),
          validate: (value) => (required && !value?.trim() ? 'It is required.' : undefined),
          signal,
        }),
      );
      return answer.trim();
    },
  };
}

/** Ctrl-D closes the terminal's reader, which pauses it, and a prompt that nobody can answer any more never ends. */
async function answered(prompt: (signal: AbortSignal) => Promise<string | symbol | undefined>): Promise<string> {
  const closed = new AbortController();
  let closing: NodeJS.Immediate | undefined;
  const onPause = () => {
    // Later: an answer pauses it too.
    closing = setImmediate(() => closed.abort());
  };
  process.stdin.once('pause', onPause);
  try {
    const answer = await prompt(closed.signal);
    if (isCancel(answer)) throw new ImsvaultError('ERR_ABORTED', 'stopped; nothing was written');
    return (answer as string | undefined) ?? '';
  } finally {
    process.stdin.off('pause', onPause);
    clearImmediate(closing);
  }
}
