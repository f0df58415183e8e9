import type { Bounded, Dense, Rectification } from '../program.ts';
import { type Packing, packed, packingOf, repeated } from './lanes.ts';
import type { TableRow } from './tables.ts';
import { indented, literal, placeAt, wordAt } from './text.ts';

/** Where the words P_i of a layer are: in the code, one PUSH32 each, or in other contracts' code. */
export type Weights = { readonly kind: 'code' } | { readonly kind: 'tables'; readonly rows: readonly TableRow[] };

/** The words P_i that make one word of sums, one for each value before. */
export function rowsOf({ layer, sums }: Bounded<Dense>): readonly (readonly bigint[])[] {
  const packing = packingOf(sums);
  const inputs = layer.weights[0]?.length ?? 0;
  return Array.from({ length: packing.words }, (_, word) => {
    const outputs = layer.weights.slice(word * packing.lanesPerWord, (word + 1) * packing.lanesPerWord);
    return Array.from({ length: inputs }, (__, from) =>
      packed(
        outputs.map((row) => row[from] ?? 0n),
        packing.bits,
      ),
    );
  });
}

/** Yul that reads the values before from `x` and writes the layer's own to `y`, a word each. */
export function denseCode(bounded: Bounded<Dense>, weights: Weights): readonly string[] {
  const { layer, sums } = bounded;
  const packing = packingOf(sums);
  const { bits, lanesPerWord } = packing;
  const half = 2n ** BigInt(bits - 1);
  return rowsOf(bounded).flatMap((row, word) => {
    const first = word * lanesPerWord;
    const lanes = layer.bias.slice(first, first + lanesPerWord);
    const start = packed(
      lanes.map((own) => own + half),
      bits,
    );
    const last = first + lanes.length - 1;
    const body = [
      `let w := ${literal(start)}`,
      ...(weights.kind === 'code' ? products(row) : tableProducts(row.length, weights.rows[word] ?? [])),
      ...(layer.rectify === 'none' ? [] : rectification(bounded, layer.rectify, packing, lanes.length)),
      ...lanes.map((_, lane) => `mstore(${placeAt('y', first + lane)}, ${laneOf(lane, packing, layer.rectify)})`),
    ];
    return [`// values ${first} to ${last}, ${bits} bits each`, '{', ...indented(body), '}'];
  });
}

/** Values that are multiplied by nothing but zeros are left out. */
function products(row: readonly bigint[]): readonly string[] {
  return row.flatMap((word, from) => (word === 0n ? [] : [`w := add(w, mul(${literal(word)}, ${wordAt('x', from)}))`]));
}

function tableProducts(inputs: number, pieces: TableRow): readonly string[] {
  const loads = pieces.map(({ table, at, bytes, to }) => {
    const place = to === 0 ? 't' : `add(t, ${literal(BigInt(to))})`;
    // Code begins with a byte that is not data.
    return `extcodecopy(table${table}, ${place}, ${literal(BigInt(at + 1))}, ${literal(BigInt(bytes))})`;
  });
  return [...loads, `w := add(w, dot(x, t, ${inputs}))`];
}

/** The loop that `dot` is: eight terms a turn, and the rest one by one. */
export const dotFunction: readonly string[] = [
  '// The sum of the products of `count` words from `a` on with as many from `b` on.',
  'function dot(a, b, count) -> total {',
  ...indented([
    'let end := add(a, shl(5, and(count, not(7))))',
    'for { } lt(a, end) { } {',
    ...indented([
      'total := add(total, mul(mload(a), mload(b)))',
      ...Array.from(
        { length: 7 },
        (_, at) => `total := add(total, mul(${wordAt('a', at + 1)}, ${wordAt('b', at + 1)}))`,
      ),
      'a := add(a, 0x0100)',
      'b := add(b, 0x0100)',
    ]),
    '}',
    'end := add(a, shl(5, and(count, 7)))',
    'for { } lt(a, end) { } {',
    ...indented(['total := add(total, mul(mload(a), mload(b)))', 'a := add(a, 0x20)', 'b := add(b, 0x20)']),
    '}',
  ]),
  '}',
];

/**
 * All lanes of a word at once, and no branch. A lane's highest bit says that its sum is not negative, since 2^(k-1) was
 * added; `shl(k-1, s) - s` is then k-1 ones in that lane and zeros in the others.
 */
function rectification(
  { sums }: Bounded<Dense>,
  { shift, most }: Rectification,
  { bits }: Packing,
  lanes: number,
): readonly string[] {
  const top = bits - 1;
  const ones = repeated(1n, lanes, bits);
  const lines = [
    '// max(0, sum): of lanes that are negative nothing is kept',
    `let s := and(shr(${top}, w), ${literal(ones)})`,
    `w := and(w, sub(shl(${top}, s), s))`,
  ];
  if (shift > 0) {
    const kept = repeated(2n ** BigInt(Math.max(top - shift, 0)) - 1n, lanes, bits);
    lines.push(
      `// div 2^${shift}: what comes down from the lane above is cut off`,
      `w := and(shr(${shift}, w), ${literal(kept)})`,
    );
  }
  if (most === 'any' || sums.every((each) => each.most >> BigInt(shift) <= most)) return lines;
  const room = repeated(2n ** BigInt(top) - 1n - most, lanes, bits);
  return [
    ...lines,
    `// min(${most}, value): lanes above it change to it`,
    `s := and(shr(${top}, add(w, ${literal(room)})), ${literal(ones)})`,
    `w := xor(w, and(xor(w, ${literal(repeated(most, lanes, bits))}), sub(shl(${top}, s), s)))`,
  ];
}

function laneOf(lane: number, { bits }: Packing, rectify: Dense['rectify']): string {
  const moved = lane === 0 ? 'w' : `shr(${lane * bits}, w)`;
  const value = `and(${moved}, ${literal(2n ** BigInt(bits) - 1n)})`;
  return rectify === 'none' ? `sub(${value}, ${literal(2n ** BigInt(bits - 1))})` : value;
}
