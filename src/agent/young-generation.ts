import { setFlagsFromString } from 'node:v8';

/**
 * Lets V8's memory for new objects grow no further: under load it would, to 32 MiB, of which an agent's short-lived
 * objects have no use; what it has grown to while the program was loaded is enough (8 MiB with Node 20).
 */
export function stopYoungGeneration(): void {
  // A V8 that does not know the flag would say so on stderr.
  if (Number.parseInt(process.versions.node, 10) <= 26) setFlagsFromString('--semi-space-growth-factor=1');
}
