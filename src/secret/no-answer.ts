import type { DeadlineExceeded } from '../deadline.js';
import { ImsvaultError } from '../errors.js';

/** @param place who did not answer in time */
export function noAnswer(place: string, { timeoutMs }: DeadlineExceeded): ImsvaultError {
  return new ImsvaultError('ERR_SECRET_UNAVAILABLE', `${place}: no answer within ${timeoutMs} ms`, {
    hint: 'Check the address, the network and the proxy; raise the timeout option if the store is slow.',
  });
}
