import { IncomingMessage } from 'node:http';

/** What Node calls on a request whose body nobody read, when its answer is out. Undocumented. */
const drain = (IncomingMessage.prototype as { _dump?(): void })._dump;

/**
 * A request that is here as a whole has nothing left to be read from its socket, yet Node runs the stream of each to
 * its end: a tenth of the agent's time under load. Newer versions can leave that out themselves
 * (`optimizeEmptyRequests`); one without the method never calls this one.
 */
export class AgentRequest extends IncomingMessage {
  _dump(): void {
    if (!this.complete) drain?.call(this);
  }
}
