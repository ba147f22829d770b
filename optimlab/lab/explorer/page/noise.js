// NumPy's default generator, PCG64 seeded through SeedSequence, in integers: the same numbers for the same seed.

const NOISE_32 = 0xffffffffn;
const NOISE_64 = (1n << 64n) - 1n;
const NOISE_128 = (1n << 128n) - 1n;
const NOISE_FACTOR = 0x2360ed051fc65da44385df649fccf645n;

function noiseWords(seed) {
  const words = [];
  for (let rest = BigInt(seed); rest > 0n; rest >>= 32n) words.push(Number(rest & NOISE_32));
  return words.length > 0 ? words : [0];
}

/** A hash whose constant moves at each word. */
function noiseHash(start, factor) {
  let constant = start;
  return (value) => {
    const mixed = value ^ constant;
    constant = Math.imul(constant, factor);
    const product = Math.imul(mixed, constant);
    return (product ^ (product >>> 16)) >>> 0;
  };
}

function noiseMixed(x, y) {
  const result = Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y);
  return (result ^ (result >>> 16)) >>> 0;
}

/** The four words that SeedSequence makes of a seed's. */
function noisePool(words) {
  const hash = noiseHash(0x43b0d7e5, 0x931e8875);
  const pool = [0, 1, 2, 3].map((i) => hash(i < words.length ? words[i] : 0));
  for (let from = 0; from < 4; from++) {
    for (let to = 0; to < 4; to++) if (from !== to) pool[to] = noiseMixed(pool[to], hash(pool[from]));
  }
  for (let from = 4; from < words.length; from++) {
    for (let to = 0; to < 4; to++) pool[to] = noiseMixed(pool[to], hash(words[from]));
  }
  return pool;
}

/** State and stream of PCG64, two numbers of 128 bits. */
function noiseSeeded(seed) {
  const pool = noisePool(noiseWords(seed));
  const hash = noiseHash(0x8b51f9dd, 0x58f38ded);
  const words = Array.from({ length: 8 }, (_, i) => BigInt(hash(pool[i % 4])));
  const longs = [0, 2, 4, 6].map((i) => words[i] | (words[i + 1] << 32n));
  return [(longs[0] << 64n) | longs[1], (longs[2] << 64n) | longs[3]];
}

/** The numbers of np.random.default_rng(seed); the seed is a whole number or a BigInt of at least 0. */
export class Pcg64 {
  constructor(seed) {
    const [state, stream] = noiseSeeded(seed);
    this.increment = ((stream << 1n) | 1n) & NOISE_128;
    this.state = ((this.increment + state) * NOISE_FACTOR + this.increment) & NOISE_128;
  }

  /** 64 random bits. */
  raw() {
    this.state = (this.state * NOISE_FACTOR + this.increment) & NOISE_128;
    const bits = ((this.state >> 64n) ^ this.state) & NOISE_64;
    const turn = this.state >> 122n;
    return ((bits >> turn) | (bits << (64n - turn))) & NOISE_64;
  }

  /** A number in [0, 1). */
  random() {
    return Number(this.raw() >> 11n) * 1.1102230246251565e-16;
  }
}

/** Noise of variance 1 for two coordinates in so many steps: sums of twelve uniform numbers, less 6. */
export function noiseOf(seed, steps) {
  const generator = new Pcg64(seed);
  return Float64Array.from({ length: 2 * steps }, () => {
    let sum = generator.random();
    for (let i = 1; i < 12; i++) sum += generator.random();
    return sum - 6;
  });
}
