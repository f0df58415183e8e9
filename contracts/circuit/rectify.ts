import type { Interval } from '../integer/bounds.ts';
import type { Rectification } from '../integer/program.ts';

/** A part of the source, and what it adds to the system at most. */
export interface Template {
  readonly name: string;
  readonly text: string;
  readonly constraints: number;
}

/** value -> min(most, max(0, value) div 2^shift) for every value within the bounds, or what is simpler and the same. */
export type Rectifier = Template | 'identity' | 'zero';

/**
 * One decomposition tells the sign, the shifted value and whether the cap is passed. The bounds are proven of every input
 * that the circuit admits, and have at most 33 bits: so the bits of a value are its only ones modulo the field's prime,
 * and nobody has a second witness.
 */
export function rectifier({ least, most }: Interval, { shift, most: cap }: Rectification): Rectifier {
  const kept = most < 0n ? 0n : most >> BigInt(shift);
  if (kept === 0n) return 'zero';
  const capped = cap !== 'any' && kept > cap;
  if (least >= 0n && shift === 0 && !capped) return 'identity';
  const magnitude = Math.max(bitLength(most), least < 0n ? bitLength(-least - 1n) : 0);
  const signed = least < 0n;
  const high = magnitude - shift;
  const cut = capped ? capText(cap, high, shift) : { lines: [], value: 'kept', constraints: 0 };
  const name = `Rectify_${magnitude}${signed ? 's' : 'u'}_${shift}${capped ? `_${cap}` : ''}`;
  const bits = magnitude + (signed ? 1 : 0);
  const lines = [
    ...[`signal input in;`, `signal output out;`, `signal bit[${bits}];`],
    `var shifted = in${signed ? ` + ${2n ** BigInt(magnitude)}` : ''};`,
    ...decomposition('shifted', 'bit', bits),
    `var kept = 0;`,
    `for (var i = ${shift}; i < ${magnitude}; i++) { kept += bit[i] * (1 << (i - ${shift})); }`,
    ...cut.lines,
    signed ? `out <== bit[${magnitude}] * ${cut.value};` : `out <== ${cut.value};`,
  ];
  return { name, text: templateText(name, lines), constraints: bits + cut.constraints + 3 };
}

/** 1 where left <= right, else 0. The distance of the two has `bits` bits at most. */
export function atMostTemplate(bits: number): Template {
  const name = `AtMost_${bits}`;
  const lines = [
    ...[`signal input left;`, `signal input right;`, `signal output out;`, `signal bit[${bits + 1}];`],
    `var shifted = right - left + ${2n ** BigInt(bits)};`,
    ...decomposition('shifted', 'bit', bits + 1),
    `out <== bit[${bits}];`,
  ];
  return { name, text: templateText(name, lines), constraints: bits + 4 };
}

/** An integer within the interval has these bits, and no other has. */
export function rangeTemplate({ least, most }: Interval): Template {
  const bits = bitLength(most - least);
  const full = most - least === 2n ** BigInt(bits) - 1n;
  const name = `Range_${bits}${full ? '' : 'p'}`;
  const lines = [
    ...[`signal input in;`, `signal bit[${bits}];`],
    `var above = in - (${least});`,
    ...decomposition('above', 'bit', bits),
    // Below the greatest by a number of as many bits, too.
    ...(full ? [] : [`signal rest[${bits}];`, `var below = ${most} - in;`, ...decomposition('below', 'rest', bits)]),
  ];
  return { name, text: templateText(name, lines), constraints: (bits + 1) * (full ? 1 : 2) };
}

export function templateText(name: string, lines: readonly string[]): string {
  return [`template ${name}() {`, ...lines.map((line) => `  ${line}`), '}'].join('\n');
}

export function bitLength(value: bigint): number {
  return value <= 0n ? 0 : value.toString(2).length;
}

function decomposition(value: string, bit: string, bits: number): readonly string[] {
  return [
    `var ${bit}s = 0;`,
    `for (var i = 0; i < ${bits}; i++) {`,
    `  ${bit}[i] <-- (${value} >> i) & 1;`,
    `  ${bit}[i] * (${bit}[i] - 1) === 0;`,
    `  ${bit}s += ${bit}[i] * (1 << i);`,
    '}',
    `${bit}s === ${value};`,
  ];
}

interface Cut {
  readonly lines: readonly string[];
  readonly value: string;
  readonly constraints: number;
}

/** Of a value `kept` with so many bits, which are those of the decomposition from `shift` on. */
function capText(cap: bigint, bits: number, shift: number): Cut {
  const low = bitLength(cap);
  const limited = [`signal limited;`, `limited <== kept + passed * (${cap} - kept);`];
  if (cap === 2n ** BigInt(low) - 1n) {
    // One of the bits above the cap's.
    const high = bits - low;
    const lines = [
      `signal none[${high}];`,
      `none[0] <== 1 - bit[${shift + low}];`,
      `for (var i = 1; i < ${high}; i++) { none[i] <== none[i - 1] * (1 - bit[${shift + low} + i]); }`,
      `var passed = 1 - none[${high - 1}];`,
    ];
    return { lines: [...lines, ...limited], value: 'limited', constraints: high + 1 };
  }
  const lines = [
    `signal over[${bits + 1}];`,
    `var distance = kept - ${cap + 1n} + ${2n ** BigInt(bits)};`,
    ...decomposition('distance', 'over', bits + 1),
    `var passed = over[${bits}];`,
  ];
  return { lines: [...lines, ...limited], value: 'limited', constraints: bits + 4 };
}
