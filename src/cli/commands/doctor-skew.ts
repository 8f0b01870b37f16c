/** From here on a wrong clock can spoil logins and the reckoning of expiry, in milliseconds. */
const WARN_FROM_MS = 30_000;

/**
 * How far this machine's clock is from a server's.
 * @param serverTime the answer's `Date`, Unix milliseconds; it has a resolution of a second
 * @returns a text to stand after others, empty where there is nothing to compare
 */
export function describeSkew(serverTime: number | undefined, now: number): { text: string; warning: boolean } {
  if (serverTime === undefined) return { text: '', warning: false };
  const skewMs = now - serverTime;
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  if (seconds <= 1) return { text: ", this machine's clock agrees", warning: false };
  const warning = Math.abs(skewMs) >= WARN_FROM_MS;
  return {
    text: `, this machine's clock is ${seconds} s ${skewMs > 0 ? 'ahead' : 'behind'}${warning ? ': set it right (NTP)' : ''}`,
    warning,
  };
}
