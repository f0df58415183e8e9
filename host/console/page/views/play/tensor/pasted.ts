import { limits } from '../../../../../../wire/limits.ts';
import type { Datatype } from '../../../../../../wire/message/tensor.ts';

/** Elements of one input of the form: a browser holds each as text. Larger tensors are a program's affair. */
export const FORM_ELEMENTS = 1_048_576;

export interface Pasted {
  readonly cells: readonly string[];
  /** As lists in lists, or lines of the same length, say it; undefined where it was one row of values. */
  readonly shape: readonly number[] | undefined;
}

export interface PasteProblem {
  readonly detail: string;
}

/** JSON, what numpy prints, or lines of values as spreadsheets copy them. */
export function readPasted(text: string, datatype: Datatype): Pasted | PasteProblem {
  if (text.length > limits.bodyBytes) return { detail: `more than ${limits.bodyBytes} characters` };
  const trimmed = text.trim();
  if (trimmed === '') return { cells: [], shape: undefined };
  const read = trimmed.startsWith('[') ? readLists(trimmed) : readLines(trimmed, datatype);
  if ('detail' in read) return read;
  if (read.cells.length > FORM_ELEMENTS) return { detail: `more than ${FORM_ELEMENTS} values` };
  return read;
}

/** One list that is open: how many members it has, and what shape each of them has. */
interface Open {
  members: number;
  inner: readonly number[] | undefined;
}

const TOKEN = /\s*(?:([[\],])|("(?:[^"\\]|\\.)*")|([^\s,[\]"]+))/y;

function readLists(text: string): Pasted | PasteProblem {
  const cells: string[] = [];
  const open: Open[] = [];
  let shape: readonly number[] | undefined;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (match === null) return { detail: `nothing that is a value at character ${at + 1}` };
    if (shape !== undefined) return { detail: `something follows the end of the list, at character ${at + 1}` };
    const [, mark, quoted, bare] = match;
    if (mark === ',') continue;
    if (mark === '[') {
      if (open.length === limits.tensorRank) return { detail: `lists in more than ${limits.tensorRank} lists` };
      open.push({ members: 0, inner: undefined });
      continue;
    }
    let closed: readonly number[] = [];
    if (mark === ']') {
      const list = open.pop();
      if (list === undefined) return { detail: `a list is closed that is not open, at character ${at + 1}` };
      closed = [list.members, ...(list.inner ?? [])];
    } else {
      const value = quoted === undefined ? bare : unquoted(quoted);
      if (value === undefined) return { detail: `a text is not well formed, at character ${at + 1}` };
      cells.push(value);
    }
    const around = open.at(-1);
    if (around === undefined) {
      shape = closed;
      continue;
    }
    if (around.members > 0 && !sameShape(around.inner ?? [], closed)) {
      return { detail: `the lists have different lengths, at character ${at + 1}` };
    }
    around.members += 1;
    around.inner = closed;
  }
  if (shape === undefined) return { detail: 'the last list is not closed' };
  return { cells, shape: shape.length > 1 ? shape : undefined };
}

function unquoted(text: string): string | undefined {
  try {
    return JSON.parse(text) as string;
  } catch {
    return undefined;
  }
}

function readLines(text: string, datatype: Datatype): Pasted | PasteProblem {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  // A text may have commas and spaces in it.
  if (datatype === 'BYTES') return { cells: lines, shape: undefined };
  const rows = lines.map((line) =>
    line
      .trim()
      .split(/\s*[,;\t]\s*|\s+/)
      .filter((cell) => cell !== ''),
  );
  const [first = []] = rows;
  const uneven = rows.findIndex((row) => row.length !== first.length);
  if (uneven >= 0)
    return { detail: `line ${uneven + 1} has ${rows[uneven]?.length} values, the first ${first.length}` };
  return { cells: rows.flat(), shape: rows.length > 1 && first.length > 1 ? [rows.length, first.length] : undefined };
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}
