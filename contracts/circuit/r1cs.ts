import { CircuitError } from './errors.ts';

/** What the head of an .r1cs file says (format 1 of iden3). */
export interface SystemFacts {
  readonly constraints: number;
  /** Of the witness, with the constant 1. */
  readonly wires: number;
  readonly publicOutputs: number;
  readonly publicInputs: number;
  readonly privateInputs: number;
}

/** A section of an iden3 binary file. */
interface Section {
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** Sections of .r1cs, .wtns, .ptau and .zkey: a name of four letters, a version, then type and length of each. */
export function binarySections(bytes: Uint8Array, name: string): readonly Section[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = new TextDecoder('latin1').decode(bytes.subarray(0, 4));
  if (bytes.length < 12 || found !== name) throw malformed(name);
  const count = view.getUint32(8, true);
  const sections: Section[] = [];
  let at = 12;
  for (let index = 0; index < count; index++) {
    if (at + 12 > bytes.length) throw malformed(name);
    const length = view.getBigUint64(at + 4, true);
    const end = BigInt(at + 12) + length;
    if (end > BigInt(bytes.length)) throw malformed(name);
    sections.push({ type: view.getUint32(at, true), bytes: bytes.subarray(at + 12, Number(end)) });
    at = Number(end);
  }
  if (at !== bytes.length) throw malformed(name);
  return sections;
}

/** The only section of a type. */
export function sectionOf(sections: readonly Section[], type: number, name: string): Uint8Array {
  const [section, ...more] = sections.filter((each) => each.type === type);
  if (section === undefined || more.length > 0) throw malformed(name);
  return section.bytes;
}

const HEADER = 1;
const HEADER_BYTES = 64;

export function systemFacts(r1cs: Uint8Array): SystemFacts {
  const header = sectionOf(binarySections(r1cs, 'r1cs'), HEADER, 'r1cs');
  if (header.length !== HEADER_BYTES) throw malformed('r1cs');
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  const number = (at: number): number => view.getUint32(at, true);
  return {
    wires: number(36),
    publicOutputs: number(40),
    publicInputs: number(44),
    privateInputs: number(48),
    constraints: number(60),
  };
}

function malformed(name: string): CircuitError {
  return new CircuitError('file_malformed', `this is no .${name} file`);
}
