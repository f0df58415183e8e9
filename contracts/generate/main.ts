import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatSolidity } from '../tools/format.ts';
import { CONTRACTS } from '../tools/foundry.ts';
import { p384Verifier } from './p384/contract.ts';
import { p384Table } from './p384/tables.ts';
import { sha384Engine } from './sha384/engine.ts';
import { sha384PairEngine } from './sha384/pair.ts';

export interface Generated {
  /** Inside contracts/. */
  readonly path: string;
  readonly write: () => string;
}

/** Every Solidity file that a program writes. A test writes them again and compares. */
export const generated: readonly Generated[] = [
  { path: 'src/hash/Sha384Engine.sol', write: sha384Engine },
  { path: 'src/hash/Sha384PairEngine.sol', write: sha384PairEngine },
  { path: 'src/p384/P384Verifier.sol', write: p384Verifier },
  { path: 'src/p384/P384TableLow.sol', write: () => p384Table('low') },
  { path: 'src/p384/P384TableHigh.sol', write: () => p384Table('high') },
];

if (process.argv[1] === import.meta.filename) {
  for (const { path, write } of generated) {
    const at = join(CONTRACTS, path);
    const text = formatSolidity(write());
    const same = readOr(at, '') === text;
    if (!same) writeFileSync(at, text);
    console.log(`${same ? 'same   ' : 'written'} contracts/${path}`);
  }
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return otherwise;
  }
}
