/** Work that is under way, for whoever waits for its end. */
export interface UnderWay {
  /** @returns `work` */
  add<T>(work: Promise<T>): Promise<T>;
  /** All of it has ended, in whatever way. */
  ended(): Promise<void>;
}

export function createUnderWay(): UnderWay {
  const works = new Set<Promise<unknown>>();
  return {
    add(work) {
      works.add(work);
      const end = () => void works.delete(work);
      work.then(end, end);
      return work;
    },
    async ended() {
      await Promise.allSettled(works);
    },
  };
}
