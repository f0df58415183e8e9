import { toHex } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto/node.ts';

/** EIP-170's 24,576 bytes less the one that stops a call to the contract, in whole words. */
const TABLE_BYTES = 24_544;

/** A part of one contract's data, and where it goes. */
interface TablePiece {
  readonly table: number;
  readonly at: number;
  readonly bytes: number;
  readonly to: number;
}

/** What one row of words is loaded from: more than one piece where a contract ends within it. */
export type TableRow = readonly TablePiece[];

/** A contract that is data: its code in hexadecimal, and the SHA-256 of it. */
export interface Table {
  readonly code: string;
  readonly hash: string;
}

export interface Tables {
  readonly data: readonly Table[];
  /** By layer. */
  readonly rows: ReadonlyMap<number, readonly TableRow[]>;
}

interface LayerRows {
  readonly layer: number;
  readonly rows: readonly (readonly bigint[])[];
}

/** Rows of words one behind the other, cut where a contract is full. */
export function tablesOf(layers: readonly LayerRows[]): Tables {
  const words = layers.flatMap(({ rows }) => rows.flat());
  const all = words.map((word) => word.toString(16).padStart(64, '0')).join('');
  const data = Array.from({ length: Math.ceil(all.length / (2 * TABLE_BYTES)) }, (_, table) => {
    const code = `00${all.slice(2 * table * TABLE_BYTES, 2 * (table + 1) * TABLE_BYTES)}`;
    return { code, hash: toHex(sha256(Buffer.from(code, 'hex'))) };
  });
  let next = 0;
  const rows = new Map(
    layers.map(({ layer, rows: wanted }): [number, readonly TableRow[]] => [
      layer,
      wanted.map((row) => {
        const start = next;
        next += row.length * 32;
        return piecesOf(start, next);
      }),
    ]),
  );
  return { data, rows };
}

function piecesOf(start: number, end: number): TableRow {
  const pieces: TablePiece[] = [];
  for (let at = start; at < end; ) {
    const table = Math.floor(at / TABLE_BYTES);
    const until = Math.min(end, (table + 1) * TABLE_BYTES);
    pieces.push({ table, at: at - table * TABLE_BYTES, bytes: until - at, to: at - start });
    at = until;
  }
  return pieces;
}
