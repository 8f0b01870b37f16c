// node:fs/promises with something between, by vi.mock of a factory that imports observeFiles from here.
import type { FileHandle } from 'node:fs/promises';

type Files = typeof import('node:fs/promises');
type Operation = (...args: never[]) => unknown;

/** What a test has to do with each read and write of a file, `open`, `handle.sync` and so on. */
export interface FileObserver {
  /** May throw in its place, or never resolve. */
  before?: (operation: string, path: string) => Promise<void> | void;
  after?: (operation: string, path: string) => Promise<void> | void;
}

const observed = { observer: {} as FileObserver, pending: 0 };
const OBSERVED = ['open', 'rename', 'unlink', 'link', 'lstat', 'readdir'] as const;
const OF_A_HANDLE = ['writeFile', 'chown', 'chmod', 'sync', 'close', 'stat', 'utimes'] as const;

/** Until the next call. */
export function observeWith(observer: FileObserver): void {
  observed.observer = observer;
}

function observe(name: string, path: string, operation: Operation): Operation {
  return async (...args) => {
    const { observer } = observed;
    await observer.before?.(name, path);
    observed.pending++;
    const result = await Promise.resolve(operation(...args)).finally(() => {
      observed.pending--;
    });
    await observer.after?.(name, path);
    return result;
  };
}

/** Those of dead processes stay open: Node closes them with a warning once nobody holds them. */
const opened = new Set<FileHandle>();

function observeHandle(handle: FileHandle, path: string): FileHandle {
  opened.add(handle);
  for (const name of OF_A_HANDLE) {
    const operation = (handle[name] as Operation).bind(handle);
    Object.defineProperty(handle, name, { value: observe(`handle.${name}`, path, operation) });
  }
  return handle;
}

export function observeFiles(files: Files): Files {
  const wrapped = Object.fromEntries(
    OBSERVED.map((name) => [
      name,
      async (path: string, ...args: never[]) => {
        const result = await observe(name, path, files[name] as Operation)(...([path, ...args] as never[]));
        return name === 'open' ? observeHandle(result as FileHandle, path) : result;
      },
    ]),
  );
  return { ...files, ...wrapped, default: { ...files, ...wrapped } } as Files;
}

/** A busy disk takes its time. */
const MAX_MS = 30_000;
/** From the end of one operation to the begin of the next there are only promises. */
const QUIET_TURNS = 2;

/** What the dead have left open; to be called when a world has ended. */
export async function closeFiles(): Promise<void> {
  observeWith({});
  const left = [...opened];
  opened.clear();
  await Promise.all(left.map((handle) => handle.close().catch(() => undefined)));
}

/** For a simulated world whose machines have real files: all that began has come to its end. */
export async function afterFiles(): Promise<void> {
  const startedAt = performance.now();
  for (let quiet = 0; quiet < QUIET_TURNS; ) {
    if (performance.now() - startedAt > MAX_MS) throw new Error('reads and writes of files do not end');
    await new Promise<void>((resolve) => setImmediate(resolve));
    quiet = observed.pending === 0 ? quiet + 1 : 0;
  }
}
