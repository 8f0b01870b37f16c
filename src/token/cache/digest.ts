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

const rotate = (word: number, by: number) => (word >>> by) | (word << (32 - by));

function addBlock(state: Int32Array, words: Int32Array, message: Buffer, offset: number): void {
  const at = (list: Int32Array, index: number) => list[index] as number;
  for (let i = 0; i < 16; i++) words[i] = message.readInt32BE(offset + i * 4);
  for (let i = 16; i < 64; i++) {
    const [x, y] = [at(words, i - 15), at(words, i - 2)];
    const s0 = rotate(x, 7) ^ rotate(x, 18) ^ (x >>> 3);
    const s1 = rotate(y, 17) ^ rotate(y, 19) ^ (y >>> 10);
    words[i] = at(words, i - 16) + s0 + at(words, i - 7) + s1;
  }
  let [a, b, c, d, e, f, g, h] = state as unknown as [number, number, number, number, number, number, number, number];
  for (let i = 0; i < 64; i++) {
    const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + at(ROUNDS, i) + at(words, i)) | 0;
    const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) | 0, c, b, a, (t1 + t2) | 0];
  }
  [a, b, c, d, e, f, g, h].forEach((word, index) => {
    state[index] = (state[index] as number) + word;
  });
}
