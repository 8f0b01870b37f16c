import { ImsvaultError } from '../errors.js';
import type { StartedState } from './rotation-state.js';

export function otherClient(place: string, ours: string, theirs: string): ImsvaultError {
  return new ImsvaultError(
    'ERR_ROTATION_REFUSED',
    `rotation.credentialId belongs to the client ${theirs}, and ${place} holds the client ${ours}`,
    { hint: 'Take the id of the credential whose client id is in the store from the URLs of the Developer Console.' },
  );
}

export function taken(place: string): ImsvaultError {
  return new ImsvaultError('ERR_SECRET_VERSION_CONFLICT', `${place}: another rotation has begun meanwhile`, {
    hint: 'Let it end. If it was stopped, run this again: it goes on where that one stopped.',
  });
}

export function gone(uuid: string): ImsvaultError {
  return new ImsvaultError('ERR_ROTATION_REFUSED', `the new client secret ${uuid} is not at Adobe any more`, {
    hint: 'The old one was not deleted. Run this again: it adds another.',
  });
}

export function notInUse(place: string, uuid: string): ImsvaultError {
  return new ImsvaultError('ERR_ROTATION_REFUSED', `${place} does not have the new client secret ${uuid} in use`, {
    hint: 'The old one was not deleted. To give up the rotation, delete the new one in the Developer Console, and run this again when another is to be added.',
  });
}

export function unused(uuid: string, waitMs: number): ImsvaultError {
  return new ImsvaultError(
    'ERR_ROTATION_UNAVAILABLE',
    `Adobe showed no use of the new client secret ${uuid} by others within ${Math.round(waitMs / 1000)} s`,
    {
      hint: 'The store has the new one, and the old one was not deleted. Run this again to go on, without --wait if nobody else is to use it.',
    },
  );
}

export function unusable(error: ImsvaultError, { newUuid, oldUuid, step }: StartedState): ImsvaultError {
  const inUse = step === 'added' ? 'the old one stays in use' : 'the new one is the first in the store';
  return new ImsvaultError(
    error.code,
    `the exchange with the new client secret ${newUuid} failed; ${inUse}, and the old one, ${oldUuid}, was not deleted: ${error.message}`,
    {
      cause: error,
      retryable: error.retryable,
      hint: `Run this again to try the exchange again. To give up, delete ${newUuid} in the Developer Console; the next run then adds another.`,
    },
  );
}
