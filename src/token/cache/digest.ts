/**
 * SHA-256, hexadecimal. Written out because the warm path of the command line waits for it: loading node:crypto costs
 * it more than all the rest together (docs/costs.md). Everything that does not hurry uses node:crypto.
 */
export function sha256(text: string): string {
  const message = pad(Buffer.from(text, 'utf8'));
  const state = new Int32Array(INITIAL);
  const words = new Int32Array(64);
  for (let offset = 0; offset < message.length; offset += 64) addBlock(state, words, message, offset);
  const digest = Buffer.alloc(32);
  state.forEach((word, index) => {
    digest.writeInt32BE(word, index * 4);
  });
  return digest.toString('hex');
}

/** First 32 bits of the fractional parts of the roots of the first primes: FIPS 180-4, 4.2.2 and 5.3.3. */
const PRIMES: number[] = [];
for (let candidate = 2; PRIMES.length < 64; candidate++) {
  if (PRIMES.every((prime) => candidate % prime !== 0)) PRIMES.push(candidate);
}
const fraction = (root: number) => ((root % 1) * 2 ** 32) | 0;
const ROUNDS = Int32Array.from(PRIMES, (prime) => fraction(Math.cbrt(prime)));
const INITIAL = PRIMES.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)));

function pad(content: Buffer): Buffer {
  const padded = Buffer.alloc(((content.length + 8) >> 6) * 64 + 64);
  content.copy(padded);
  padded[content.length] = 0x80;
  padded.writeUInt32BE(content.length * 8, padded.length - 4);
  return padded;
}

/** Plain assignments: this runs once in a process, so nothing of it is ever compiled. */
function addBlock(state: Int32Array, words: Int32Array, message: Buffer, offset: number): void {
  for (let i = 0; i < 16; i++) words[i] = message.readInt32BE(offset + i * 4);
  for (let i = 16; i < 64; i++) {
    const x = words[i - 15] as number;
    const y = words[i - 2] as number;
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    words[i] = (words[i - 16] as number) + s0 + (words[i - 7] as number) + s1;
  }
  let [a, b, c, d, e, f, g, h] = state as unknown as [number, number, number, number, number, number, number, number];
  for (let i = 0; i < 64; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t1 = h + s1 + ((e & f) ^ (~e & g)) + (ROUNDS[i] as number) + (words[i] as number);
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  [a, b, c, d, e, f, g, h].forEach((word, index) => {
    state[index] = (state[index] as number) + word;
  });
}
