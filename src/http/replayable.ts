const REPLAYABLE = new Set([
  '[object ArrayBuffer]',
  '[object Blob]',
  '[object File]',
  '[object FormData]',
  '[object URLSearchParams]',
]);

/** Whether a request's body can be sent a second time. Streams and iterators cannot: keeping a copy may fill the memory. */
export function isReplayable(body: unknown): boolean {
  if (body === undefined || body === null || typeof body === 'string' || ArrayBuffer.isView(body)) return true;
  // By their tags: undici's FormData is another class than Node's.
  return REPLAYABLE.has(Object.prototype.toString.call(body));
}
