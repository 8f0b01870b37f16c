// Imported once for each subject, with a query of its own: what V8 learns of one must not slow another. A benchmark library
// would read the clock at each call, which costs as much as what is measured.

/** Nanoseconds for one `await call()`, over `count` of them. */
export async function awaitedNs(call, count) {
  const startedAt = performance.now();
  for (let left = count; left > 0; left--) await call();
  return ((performance.now() - startedAt) * 1e6) / count;
}

/** Nanoseconds for one `call(index)` that returns at once. */
export function calledNs(call, count) {
  const startedAt = performance.now();
  let found = 0;
  for (let index = 0; index < count; index++) if (call(index) !== undefined) found++;
  const tookMs = performance.now() - startedAt;
  // What nobody uses need not be looked up.
  if (found !== count) throw new Error(`${count - found} of ${count} found nothing`);
  return (tookMs * 1e6) / count;
}
