import { ImsvaultError } from './errors.js';

/** Things that several users share, one for each key; each is closed when its last user lets go. */
export interface SharedPool<Key, Value> {
  /** For one user. */
  lease(): Lease<Key, Value>;
}

export interface Lease<Key, Value> {
  /**
   * The thing for a key; opened with the first call of any user. One that could not be opened is tried anew.
   * @throws what opening it throws; ERR_ABORTED once this lease is closed
   */
  open(key: Key): Promise<Value>;
  /** Lets go of all that this lease has opened. What is still being opened is closed when it comes, and not waited for. */
  close(): Promise<void>;
}

export interface SharedPoolOptions<Key, Value> {
  same(a: Key, b: Key): boolean;
  open(key: Key): Promise<Value>;
  close(value: Value): Promise<void>;
}

interface Entry<Key, Value> {
  key: Key;
  value: Promise<Value>;
  isOpen: boolean;
  users: number;
}

export function createSharedPool<Key, Value>(options: SharedPoolOptions<Key, Value>): SharedPool<Key, Value> {
  const entries = new Set<Entry<Key, Value>>();

  function entryOf(key: Key): Entry<Key, Value> {
    for (const entry of entries) if (options.same(entry.key, key)) return entry;
    const entry = { key, value: options.open(key), isOpen: false, users: 0 };
    entries.add(entry);
    entry.value.then(
      () => {
        entry.isOpen = true;
      },
      () => entries.delete(entry),
    );
    return entry;
  }

  async function release(entry: Entry<Key, Value>): Promise<void> {
    if (--entry.users > 0) return;
    entries.delete(entry);
    const closed = entry.value.then(options.close);
    if (entry.isOpen) await closed;
    // It may never come, and then there is nothing to close.
    else closed.catch(() => undefined);
  }

  return {
    lease() {
      const held = new Set<Entry<Key, Value>>();
      let closed = false;
      return {
        async open(key) {
          if (closed) throw new ImsvaultError('ERR_ABORTED', 'this profile is closed');
          const entry = entryOf(key);
          if (!held.has(entry)) {
            held.add(entry);
            entry.users++;
          }
          try {
            return await entry.value;
          } catch (error) {
            held.delete(entry);
            throw error;
          }
        },
        async close() {
          closed = true;
          const mine = [...held];
          held.clear();
          await Promise.all(mine.map(release));
        },
      };
    },
  };
}
