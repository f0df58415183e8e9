import { binarySections, sectionOf } from '../../contracts/circuit/r1cs.ts';
import { FIELD } from '../../wire/commitment/field.ts';

/** A sum of wires with factors; wire 0 is the constant 1. */
export type Combination = ReadonlyMap<number, bigint>;

/** a times b is c. */
export interface Constraint {
  readonly a: Combination;
  readonly b: Combination;
  readonly c: Combination;
}

export interface System {
  readonly wires: number;
  /** Wires that are given: public inputs, then private ones. */
  readonly inputs: readonly number[];
  readonly constraints: readonly Constraint[];
}

/** Reads an .r1cs file by its published format, and with nothing of what wrote it. */
export function readSystem(r1cs: Uint8Array): System {
  const sections = binarySections(r1cs, 'r1cs');
  const head = viewOf(sectionOf(sections, 1, 'r1cs'));
  const [wires, outputs, publicInputs, privateInputs, count] = [36, 40, 44, 48, 60].map((at) =>
    head.getUint32(at, true),
  ) as [number, number, number, number, number];
  const body = sectionOf(sections, 2, 'r1cs');
  const view = viewOf(body);
  let at = 0;
  const combination = (): Combination => {
    const terms = view.getUint32(at, true);
    at += 4;
    const found = new Map<number, bigint>();
    for (let term = 0; term < terms; term++) {
      found.set(view.getUint32(at, true), littleEndian(body, at + 4));
      at += 36;
    }
    return found;
  };
  const constraints = Array.from({ length: count }, () => ({ a: combination(), b: combination(), c: combination() }));
  const inputs = Array.from({ length: publicInputs + privateInputs }, (_, index) => 1 + outputs + index);
  return { wires, inputs, constraints };
}

export function readWitness(wtns: Uint8Array): readonly bigint[] {
  const values = sectionOf(binarySections(wtns, 'wtns'), 2, 'wtns');
  return Array.from({ length: values.length / 32 }, (_, index) => littleEndian(values, 32 * index));
}

export function broken({ constraints }: System, witness: readonly bigint[]): number {
  const value = (combination: Combination): bigint => {
    let sum = 0n;
    for (const [wire, factor] of combination) sum += factor * (witness[wire] as bigint);
    return sum % FIELD;
  };
  return constraints.findIndex(({ a, b, c }) => (value(a) * value(b) - value(c)) % FIELD !== 0n);
}

/** Constraints in which a wire stands. */
export function uses({ constraints, wires }: System): readonly (readonly number[])[] {
  const found: number[][] = Array.from({ length: wires }, () => []);
  for (const [index, { a, b, c }] of constraints.entries()) {
    for (const wire of new Set([...a.keys(), ...b.keys(), ...c.keys()])) found[wire]?.push(index);
  }
  return found;
}

/**
 * The wires that the inputs do not determine, as far as two rules show. A constraint with one unknown wire, which stands
 * alone in c, gives that wire. And a sum of unknown wires that are each 0 or 1, with the factors of one sign and powers of
 * two that are all different, has one solution where it is known, since it stays below the prime. No wire left: whatever
 * a prover does, it has one witness for its inputs.
 */
export function undetermined(system: System): readonly number[] {
  const known = new Set([0, ...system.inputs]);
  const boolean = booleans(system);
  const places = uses(system);
  const waiting = system.constraints.map((_, index) => index);
  const learn = (wire: number): void => {
    known.add(wire);
    waiting.push(...(places[wire] ?? []));
  };
  for (let index = waiting.pop(); index !== undefined; index = waiting.pop()) {
    const { a, b, c } = system.constraints[index] as Constraint;
    if ([...a.keys(), ...b.keys()].some((wire) => !known.has(wire))) continue;
    const rest = [...c].filter(([wire]) => !known.has(wire));
    const [only] = rest;
    if (only !== undefined && rest.length === 1) learn(only[0]);
    else if (
      rest.length > 1 &&
      rest.every(([wire]) => boolean.has(wire)) &&
      areBits(rest.map(([, factor]) => factor))
    ) {
      for (const [wire] of rest) learn(wire);
    }
  }
  return Array.from({ length: system.wires }, (_, wire) => wire).filter((wire) => !known.has(wire));
}

/** Wires w with w (w - 1) = 0, however that is scaled. */
function booleans({ constraints }: System): ReadonlySet<number> {
  const found = new Set<number>();
  for (const { a, b, c } of constraints) {
    const [wire] = [...a.keys(), ...b.keys()].filter((each) => each !== 0);
    if (wire === undefined || c.size > 0) continue;
    const roots = [a, b].map((side) => {
      const factor = side.get(wire) ?? 0n;
      const others = [...side.keys()].some((each) => each !== 0 && each !== wire);
      if (factor === 0n || others) return undefined;
      const constant = side.get(0) ?? 0n;
      if (constant === 0n) return 0;
      return (factor + constant) % FIELD === 0n ? 1 : undefined;
    });
    if (roots.includes(0) && roots.includes(1)) found.add(wire);
  }
  return found;
}

function areBits(factors: readonly bigint[]): boolean {
  const powers = (each: readonly bigint[]): boolean =>
    new Set(each).size === each.length && each.every((value) => value < 2n ** 250n && (value & (value - 1n)) === 0n);
  return powers(factors) || powers(factors.map((factor) => FIELD - factor));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function littleEndian(bytes: Uint8Array, at: number): bigint {
  let value = 0n;
  for (let place = 31; place >= 0; place--) value = (value << 8n) | BigInt(bytes[at + place] as number);
  return value;
}
