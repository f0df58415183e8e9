import { concatBytes, readU32, u32 } from '../../../wire/bytes.ts';
import { SimulatorError } from '../errors.ts';

/**
 * What travels on the machine's one port to the worker (enclave/native/bridge.h, where the reasons are): pieces that each
 * carry the number of their session, so that no byte of one host ever reaches the worker as another's, or the other way.
 *
 *   piece = kind, session, length: u32 big-endian each; then, for data alone, `length` bytes
 */
export const pieceKind = { ready: 1, open: 2, data: 3, close: 4, credit: 5 } as const;

export type PieceKind = keyof typeof pieceKind;

export interface Piece {
  readonly kind: PieceKind;
  /** Number 0 is none. */
  readonly session: number;
  /** Of bytes that may be under way in addition. */
  readonly credit: number;
  readonly data: Uint8Array;
}

/** Under way in one direction of one session; both sides always have room for this much. */
export const WINDOW_BYTES: number = 256 * 1024;
export const DATA_BYTES: number = 16 * 1024;

const HEAD_BYTES = 12;
const NOTHING = new Uint8Array(0);
const NAMES = new Map<number, PieceKind>(Object.entries(pieceKind).map(([name, kind]) => [kind, name as PieceKind]));

export function encodePiece(kind: Exclude<PieceKind, 'data' | 'credit'>, session: number): Uint8Array {
  return head(kind, session, 0);
}

export function encodeCredit(session: number, credit: number): Uint8Array {
  return head('credit', session, credit);
}

/** In as many pieces as it takes. */
export function encodeData(session: number, data: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < data.length; at += DATA_BYTES) {
    const part = data.subarray(at, at + DATA_BYTES);
    parts.push(head('data', session, part.length), part);
  }
  return concatBytes(...parts);
}

function head(kind: PieceKind, session: number, length: number): Uint8Array {
  return concatBytes(u32(pieceKind[kind]), u32(session), u32(length));
}

export interface PieceReader {
  /** Throws where the stream is no stream of pieces; it cannot be read any further then. */
  readonly push: (chunk: Uint8Array) => void;
}

export function createPieceReader(onPiece: (piece: Piece) => void): PieceReader {
  let buffered: Uint8Array = NOTHING;
  return {
    push: (chunk) => {
      buffered = buffered.length === 0 ? chunk : concatBytes(buffered, chunk);
      while (buffered.length >= HEAD_BYTES) {
        const kind = NAMES.get(readU32(buffered, 0));
        const session = readU32(buffered, 4);
        const length = readU32(buffered, 8);
        if (kind === undefined) throw new SimulatorError('machine_protocol', 'a piece of an unknown kind');
        const isSized =
          kind === 'data' ? length <= DATA_BYTES : kind === 'credit' ? length <= WINDOW_BYTES : length === 0;
        if (!isSized) throw new SimulatorError('machine_protocol', `${kind} of ${length} bytes`);
        const end = HEAD_BYTES + (kind === 'data' ? length : 0);
        if (buffered.length < end) return;
        const data = buffered.slice(HEAD_BYTES, end);
        buffered = buffered.subarray(end);
        onPiece({ kind, session, credit: kind === 'credit' ? length : 0, data });
      }
    },
  };
}
