import { open } from 'node:fs/promises';
import { exitCode, JudgedError } from '../exit-codes.ts';

/** Who took part in a phase, by the records in the file of it. What they say is checked elsewhere: these only count. */
export interface Contributions {
  /** Each had a secret of its own. */
  readonly parties: number;
  /** Made from a number that everybody knows: they randomise, and hide nothing. */
  readonly beacons: number;
}

interface Phase {
  readonly name: 'ptau' | 'zkey';
  readonly section: number;
  /** Before the number of records. */
  readonly head: number;
  /** Of a record before its type: points, hashes. */
  readonly fixed: number;
}

/** Powers of tau: five points, a key of six and three, a hash half done, and the next challenge. */
const phase1: Phase = { name: 'ptau', section: 7, head: 0, fixed: 448 + 768 + 216 + 64 };
/** The circuit's own part: the digest of the circuit, then points and a transcript for each. */
const phase2: Phase = { name: 'zkey', section: 10, head: 64, fixed: 3 * 64 + 128 + 64 };

/** More than ceremonies of the whole field had; a file that claims more is made to be work. */
const MOST_RECORDS = 100_000;
const MOST_SECTION_BYTES = 256 * 1024 * 1024;

export const phase1Contributions = (path: string): Promise<Contributions> => contributions(path, phase1);
export const phase2Contributions = (path: string): Promise<Contributions> => contributions(path, phase2);

/** Of a .ptau file: how many constraints it is for, as a power of two. */
export async function powersOf(path: string): Promise<number> {
  const header = await readSection(path, 'ptau', 1);
  // The modulus and its length, then the power.
  if (header.length !== 44) throw malformed('ptau');
  return header.readUInt32LE(36);
}

async function contributions(path: string, { name, section, head, fixed }: Phase): Promise<Contributions> {
  const bytes = await readSection(path, name, section);
  const number = (at: number): number => {
    if (at + 4 > bytes.length) throw malformed(name);
    return bytes.readUInt32LE(at);
  };
  const count = number(head);
  if (count > MOST_RECORDS) throw malformed(name);
  let at = head + 4;
  let beacons = 0;
  for (let record = 0; record < count; record++) {
    const type = number(at + fixed);
    if (type > 1) throw malformed(name);
    beacons += type;
    at += fixed + 8 + number(at + fixed + 4);
  }
  if (at !== bytes.length) throw malformed(name);
  return { parties: count - beacons, beacons };
}

/** One section of a file that may be larger than memory. */
async function readSection(path: string, name: Phase['name'], type: number): Promise<Buffer> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const at = async (place: number, length: number): Promise<Buffer> => {
      if (length > MOST_SECTION_BYTES || place + length > size) throw malformed(name);
      const bytes = Buffer.alloc(length);
      const { bytesRead } = await file.read(bytes, 0, length, place);
      if (bytesRead !== length) throw malformed(name);
      return bytes;
    };
    const head = await at(0, 12);
    if (head.toString('latin1', 0, 4) !== name) throw malformed(name);
    let place = 12;
    for (let left = head.readUInt32LE(8); left > 0; left--) {
      const section = await at(place, 12);
      const length = Number(section.readBigUInt64LE(4));
      if (section.readUInt32LE(0) === type) return await at(place + 12, length);
      place += 12 + length;
    }
    throw malformed(name);
  } finally {
    await file.close();
  }
}

function malformed(name: Phase['name']): JudgedError {
  return new JudgedError('setup_malformed', `this is no .${name} file`, { exit: exitCode.malformed });
}
