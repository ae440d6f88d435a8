/**
 * A QR code of a short text: bytes, correction level M, versions 1 to 9 (180 bytes). PURE.
 *
 *   text -> bits -> codewords in blocks, each with its Reed-Solomon rest -> interleaved
 *        -> laid in two-column snakes round the fixed patterns -> the mask that reads best
 *
 * Source: ISO/IEC 18004. Tested against another implementation, module by module.
 */

/** By version: codewords in all, correction codewords a block, blocks, centres of small squares. */
const VERSIONS: readonly [all: number, rest: number, blocks: number, centres: readonly number[]][] = [
  [26, 10, 1, []],
  [44, 16, 1, [6, 18]],
  [70, 26, 1, [6, 22]],
  [100, 18, 2, [6, 26]],
  [134, 24, 2, [6, 30]],
  [172, 16, 4, [6, 34]],
  [196, 18, 4, [6, 22, 38]],
  [242, 22, 4, [6, 24, 42]],
  [292, 22, 5, [6, 26, 46]],
];
const LEVEL_M = 0;

type Grid = (boolean | null)[][]; // null: free for data
export type Modules = boolean[][];

const MASKS: readonly ((row: number, column: number) => boolean)[] = [
  (r, c) => (r + c) % 2 === 0,
  (r) => r % 2 === 0,
  (_, c) => c % 3 === 0,
  (r, c) => (r + c) % 3 === 0,
  (r, c) => (Math.floor(r / 2) + Math.floor(c / 3)) % 2 === 0,
  (r, c) => ((r * c) % 2) + ((r * c) % 3) === 0,
  (r, c) => (((r * c) % 2) + ((r * c) % 3)) % 2 === 0,
  (r, c) => (((r + c) % 2) + ((r * c) % 3)) % 2 === 0,
];

/** The modules of a text, dark ones true; with the least disturbing mask unless one is named. */
export function qr(text: string, named?: number): Modules {
  const bytes = new TextEncoder().encode(text);
  const version = VERSIONS.findIndex(([all, rest, blocks]) => bytes.length + 2 <= all - rest * blocks);
  if (version < 0) throw new RangeError(`${bytes.length} bytes are too many for this QR code`);
  const bits = interleaved(version, codewords(version, bytes)).flatMap((word) => bitsOf(word, 8));
  const empty = fixed(version);
  let best: Modules = [];
  let least = Number.POSITIVE_INFINITY;
  for (let mask = 0; mask < MASKS.length; mask++) {
    if (named !== undefined && mask !== named) continue;
    const modules = filled(empty, bits, mask);
    const cost = penalty(modules);
    if (cost < least) [best, least] = [modules, cost];
  }
  return best;
}

function bitsOf(value: number, length: number): number[] {
  return Array.from({ length }, (_, place) => (value >> (length - 1 - place)) & 1);
}

/** Mode, length, bytes, end, then padding up to the last data codeword. */
function codewords(version: number, bytes: Uint8Array): number[] {
  const [all, rest, blocks] = VERSIONS[version] ?? [0, 0, 1];
  const room = all - rest * blocks;
  const bits = [...bitsOf(4, 4), ...bitsOf(bytes.length, 8), ...[...bytes].flatMap((byte) => bitsOf(byte, 8)), 0, 0, 0, 0];
  const words: number[] = [];
  for (let at = 0; at < bits.length; at += 8) {
    words.push(bits.slice(at, at + 8).reduce((sum, bit) => sum * 2 + bit, 0));
  }
  for (let pad = 0; words.length < room; pad++) words.push(pad % 2 === 0 ? 0xec : 0x11);
  return words;
}

/** Data codewords of all blocks in turn, then their rests in turn; later blocks may be longer. */
function interleaved(version: number, words: number[]): number[] {
  const [, rest, blocks] = VERSIONS[version] ?? [0, 0, 1];
  const short = Math.floor(words.length / blocks);
  const longer = words.length % blocks;
  const data: number[][] = [];
  for (let block = 0, at = 0; block < blocks; block++) {
    const size = short + (block >= blocks - longer ? 1 : 0);
    data.push(words.slice(at, at + size));
    at += size;
  }
  const rests = data.map((block) => remainder(block, rest));
  const inTurn = (many: number[][], length: number): number[] =>
    Array.from({ length }, (_, place) => many.map((each) => each[place])).flat().filter((word) => word !== undefined);
  return [...inTurn(data, short + 1), ...inTurn(rests, rest)];
}

/** Multiplication in GF(256) with x^8 + x^4 + x^3 + x^2 + 1. */
function times(a: number, b: number): number {
  let product = 0;
  for (let bit = 7; bit >= 0; bit--) {
    product = (product << 1) ^ ((product >> 7) * 0x11d);
    product ^= ((b >> bit) & 1) * a;
  }
  return product;
}

/** What is left of the data divided by the product of (x - 2^i). */
function remainder(data: readonly number[], length: number): number[] {
  let divisor = [1];
  for (let root = 1, i = 0; i < length; i++, root = times(root, 2)) {
    const next = [...divisor, 0];
    divisor.forEach((factor, place) => (next[place + 1] = (next[place + 1] ?? 0) ^ times(factor, root)));
    divisor = next;
  }
  const rest = new Array<number>(length).fill(0);
  for (const word of data) {
    const factor = word ^ (rest.shift() ?? 0);
    rest.push(0);
    rest.forEach((_, place) => (rest[place] = (rest[place] ?? 0) ^ times(divisor[place + 1] ?? 0, factor)));
  }
  return rest;
}

function set(grid: (boolean | null)[][], row: number, column: number, dark: boolean): void {
  const line = grid[row];
  if (line && column >= 0 && column < line.length) line[column] = dark;
}

/** Finders, timing, alignment, and where format and version will stand (light until then). */
function fixed(version: number): Grid {
  const size = 21 + 4 * version;
  const grid: Grid = Array.from({ length: size }, () => new Array<boolean | null>(size).fill(null));
  for (const [row, column] of [[3, 3], [3, size - 4], [size - 4, 3]] as const) {
    for (let r = -4; r <= 4; r++) {
      for (let c = -4; c <= 4; c++) {
        const ring = Math.max(Math.abs(r), Math.abs(c));
        set(grid, row + r, column + c, ring !== 2 && ring !== 4);
      }
    }
  }
  for (let place = 8; place < size - 8; place++) {
    set(grid, 6, place, place % 2 === 0);
    set(grid, place, 6, place % 2 === 0);
  }
  const centres = VERSIONS[version]?.[3] ?? [];
  const last = size - 7;
  for (const row of centres) {
    for (const column of centres) {
      const atFinder = (row === 6 && column === 6) || (row === 6 && column === last) || (row === last && column === 6);
      if (atFinder) continue;
      for (let r = -2; r <= 2; r++) {
        for (let c = -2; c <= 2; c++) set(grid, row + r, column + c, Math.max(Math.abs(r), Math.abs(c)) !== 1);
      }
    }
  }
  format(grid, 0, true);
  if (version >= 6) versionBits(grid, version + 1);
  return grid;
}

/** Level and mask, with 10 bits of their own correction, twice; and the module that is always dark. */
function format(grid: (boolean | null)[][], mask: number, blank = false): void {
  const size = grid.length;
  const data = (LEVEL_M << 3) | mask;
  let rest = data;
  for (let i = 0; i < 10; i++) rest = (rest << 1) ^ ((rest >> 9) * 0x537);
  const bits = ((data << 10) | rest) ^ 0x5412;
  const dark = (place: number): boolean => !blank && ((bits >> place) & 1) === 1;
  for (let i = 0; i <= 5; i++) set(grid, i, 8, dark(i));
  set(grid, 7, 8, dark(6));
  set(grid, 8, 8, dark(7));
  set(grid, 8, 7, dark(8));
  for (let i = 9; i < 15; i++) set(grid, 8, 14 - i, dark(i));
  for (let i = 0; i < 8; i++) set(grid, 8, size - 1 - i, dark(i));
  for (let i = 8; i < 15; i++) set(grid, size - 15 + i, 8, dark(i));
  set(grid, size - 8, 8, true);
}

/** Versions from 7 on say which they are, twice. */
function versionBits(grid: Grid, version: number): void {
  let rest = version;
  for (let i = 0; i < 12; i++) rest = (rest << 1) ^ ((rest >> 11) * 0x1f25);
  const bits = (version << 12) | rest;
  for (let i = 0; i < 18; i++) {
    const [far, near] = [grid.length - 11 + (i % 3), Math.floor(i / 3)];
    set(grid, near, far, ((bits >> i) & 1) === 1);
    set(grid, far, near, ((bits >> i) & 1) === 1);
  }
}

function filled(empty: Grid, bits: readonly number[], mask: number): Modules {
  const size = empty.length;
  const modules = empty.map((line) => line.map((each) => each ?? false));
  const turns = MASKS[mask] ?? (() => false);
  let next = 0;
  for (let right = size - 1; right >= 1; right -= 2) {
    if (right === 6) right = 5; // the column of the timing pattern
    const upwards = ((right + 1) & 2) === 0;
    for (let step = 0; step < size; step++) {
      const row = upwards ? size - 1 - step : step;
      for (const column of [right, right - 1]) {
        if (empty[row]?.[column] !== null) continue;
        set(modules, row, column, ((bits[next++] ?? 0) === 1) !== turns(row, column));
      }
    }
  }
  format(modules, mask);
  return modules;
}

/** How hard it is to read: runs, blocks, what looks like a finder, and too much of one colour. */
function penalty(modules: Modules): number {
  const size = modules.length;
  const at = (r: number, c: number): boolean => modules[r]?.[c] ?? false;
  let cost = 0;
  let dark = 0;
  for (let r = 0; r < size; r++) {
    for (const turned of [false, true]) {
      const line = Array.from({ length: size }, (_, c) => (turned ? at(c, r) : at(r, c)));
      const text = line.map(Number).join("");
      for (const run of text.match(/0{5,}|1{5,}/g) ?? []) cost += run.length - 2;
      for (let c = 0; c + 11 <= size; c++) {
        const part = text.slice(c, c + 11);
        if (part === "10111010000" || part === "00001011101") cost += 40;
      }
    }
    for (let c = 0; c < size; c++) {
      if (at(r, c)) dark++;
      const same = at(r, c) === at(r, c + 1) && at(r, c) === at(r + 1, c) && at(r, c) === at(r + 1, c + 1);
      if (same && r + 1 < size && c + 1 < size) cost += 3;
    }
  }
  return cost + 10 * Math.floor(Math.abs((dark * 20) / (size * size) - 10));
}

/** As one path of an SVG, a module a unit. */
export function qrPath(modules: Modules): string {
  return modules
    .flatMap((line, row) => line.map((dark, column) => (dark ? `M${column} ${row}h1v1h-1z` : "")))
    .join("");
}
