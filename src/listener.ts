/**
 * A function of the user's program, whose faults are not ours.
 * @param failed called instead of what it throws, or rejects with
 */
export function guarded<Message>(
  listener: (message: Message) => unknown,
  failed: () => void = () => undefined,
): (message: Message) => void {
  return (message) => {
    try {
      // An async listener's rejection would be nobody's, and end the process.
      Promise.resolve(listener(message)).catch(failed);
    } catch {
      failed();
    }
  };
}

/** Where warnings go: to `onWarning`, whose faults are dropped. Default: `process.emitWarning`. */
export function warningsTo(onWarning?: (message: string) => unknown): (message: string) => void {
  return guarded(onWarning ?? ((message) => process.emitWarning(message, 'ImsvaultWarning')));
}
