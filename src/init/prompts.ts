import { isCancel, select, text } from '@clack/prompts';
import { ImsvaultError } from '../errors.js';
import type { Ask } from './answers.js';

/** Questions on the terminal of this process. */
export function createPrompts(): Ask {
  return {
    async choose(message, choices) {
      return taken(await select({ message, options: [...choices] }));
    },
    async text(message, { initial, required }) {
      const answer = await text({
        message,
        ...(initial === undefined ? {} : { initialValue: initial }),
        validate: (value) => (required && !value?.trim() ? 'It is required.' : undefined),
      });
      return taken(answer ?? '').trim();
    },
  };
}

function taken(answer: string | symbol): string {
  if (isCancel(answer)) throw new ImsvaultError('ERR_ABORTED', 'stopped; nothing was written');
  return answer as string;
}
