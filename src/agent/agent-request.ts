import { IncomingMessage } from 'node:http';

/** What Node calls on a request whose body nobody read, when its answer is out. Undocumented. */
const drain = (IncomingMessage.prototype as { _dump?(): void })._dump;

/**
 * A request that came without a body has nothing left to be read, yet Node runs the stream of each to its end: a tenth
 * of the agent's time under load (bench/measures/agent.mjs). Newer versions call that `optimizeEmptyRequests`. A Node
 * without the method never calls this one.
 */
export class AgentRequest extends IncomingMessage {
  _dump(): void {
    // With something to be read the socket may be stopped, and would stay so.
    if (!this.complete || this.readableLength > 0) drain?.call(this);
  }
}
