import { WireError } from '../../../../../../wire/errors.ts';
import type { ManifestTensor } from '../../../../../../wire/message/manifest.ts';
import { type Tensor, tensorValues } from '../../../../../../wire/message/tensor.ts';
import { cellText, emptyCell, encodeCells } from './elements.ts';
import { FORM_ELEMENTS, readPasted } from './pasted.ts';
import { concreteShape, elementsOf, fitSizes, freeDimensions, resized, type Sizes, shapeText } from './shape.ts';

/** One input while somebody writes it. */
export interface FieldDraft {
  readonly tensor: ManifestTensor;
  readonly cells: readonly string[];
  /** All values as one text, where that is how they are written; the cells are what was last read of it. */
  readonly text: string | null;
  /** What is wrong with that text. */
  readonly problem: string | null;
}

export interface Draft {
  readonly sizes: Sizes;
  readonly fields: readonly FieldDraft[];
}

export interface DraftProblem {
  readonly field: string;
  /** Which element; null where it is about all of them. */
  readonly cell: number | null;
  readonly detail: string;
}

export type ReadDraft =
  | { readonly kind: 'ready'; readonly inputs: readonly Tensor[] }
  | { readonly kind: 'problems'; readonly problems: readonly DraftProblem[] };

/** Cells that are shown one by one; more of them are written as a text. */
export const CELLS_SHOWN = 256;

export function createDraft(tensors: readonly ManifestTensor[]): Draft {
  const sizes = Object.fromEntries(freeDimensions(tensors.map(({ shape }) => shape)).map((name) => [name, 1]));
  const fields = tensors.map((tensor): FieldDraft => {
    const count = elementsOf(concreteShape(tensor.shape, sizes));
    const cells = count > FORM_ELEMENTS ? [] : new Array<string>(count).fill(emptyCell(tensor.datatype));
    const written: FieldDraft = { tensor, cells, text: null, problem: null };
    return count > CELLS_SHOWN ? asText(written, sizes) : written;
  });
  return { sizes, fields };
}

/** A size that nobody can mean is kept out here, so that every draft has elements that can be held. */
export function setSize(draft: Draft, name: string, size: number): Draft {
  if (!Number.isSafeInteger(size) || size < 0) return draft;
  const sizes = { ...draft.sizes, [name]: size };
  const tooMany = draft.fields.some(({ tensor }) => elementsOf(concreteShape(tensor.shape, sizes)) > FORM_ELEMENTS);
  return tooMany ? draft : withSizes(draft, sizes);
}

function withSizes(draft: Draft, sizes: Sizes): Draft {
  const fields = draft.fields.map((field) => {
    const { shape, datatype } = field.tensor;
    const from = concreteShape(shape, draft.sizes);
    const to = concreteShape(shape, sizes);
    const cells = resized(field.cells, { from, to, empty: emptyCell(datatype) });
    if (cells === field.cells) return field;
    return shown({ ...field, cells, problem: null }, sizes);
  });
  return { sizes, fields };
}

function shown(field: FieldDraft, sizes: Sizes): FieldDraft {
  return field.text !== null || field.cells.length > CELLS_SHOWN ? asText(field, sizes) : field;
}

function changeField(draft: Draft, name: string, change: (field: FieldDraft) => FieldDraft): Draft {
  return { ...draft, fields: draft.fields.map((field) => (field.tensor.name === name ? change(field) : field)) };
}

export function setCell(
  draft: Draft,
  name: string,
  { cell, text }: { readonly cell: number; readonly text: string },
): Draft {
  return changeField(draft, name, (field) => ({ ...field, cells: field.cells.with(cell, text) }));
}

/** What is read of the text counts at once, and the free dimensions follow it. */
export function setText(draft: Draft, name: string, text: string): Draft {
  const field = draft.fields.find(({ tensor }) => tensor.name === name);
  if (field === undefined) return draft;
  const broken = (problem: string): Draft => changeField(draft, name, () => ({ ...field, text, problem }));
  const pasted = readPasted(text, field.tensor.datatype);
  if ('detail' in pasted) return broken(pasted.detail);
  const sizes = fitSizes(field.tensor.shape, draft.sizes, pasted);
  if (isProblem(sizes)) return broken(sizes.detail);
  const others = withSizes(draft, sizes);
  return changeField(others, name, () => ({ ...field, cells: pasted.cells, text, problem: null }));
}

function isProblem(sizes: Sizes | { readonly detail: string }): sizes is { readonly detail: string } {
  return typeof (sizes as { readonly detail: unknown }).detail === 'string';
}

/** From cells to one text and back; a text that is not right has to be put right first. */
export function toggleText(draft: Draft, name: string): Draft {
  return changeField(draft, name, (field) => {
    if (field.text === null) return asText(field, draft.sizes);
    return field.problem === null && field.cells.length <= CELLS_SHOWN ? { ...field, text: null } : field;
  });
}

function asText(field: FieldDraft, sizes: Sizes): FieldDraft {
  const { datatype, shape } = field.tensor;
  const values = datatype === 'BYTES' ? field.cells.map((cell) => JSON.stringify(cell)) : field.cells;
  const width = concreteShape(shape, sizes).at(-1) ?? 1;
  if (datatype === 'BYTES') return { ...field, text: `[${values.join(', ')}]`, problem: null };
  const rows: string[] = [];
  for (let at = 0; at < values.length; at += Math.max(1, width)) {
    rows.push(values.slice(at, at + Math.max(1, width)).join(', '));
  }
  return { ...field, text: rows.join('\n'), problem: null };
}

/** The tensors that the draft stands for. */
export function readDraft({ sizes, fields }: Draft): ReadDraft {
  const problems: DraftProblem[] = [];
  const inputs: Tensor[] = [];
  for (const { tensor, cells, problem } of fields) {
    const { name, datatype } = tensor;
    const shape = concreteShape(tensor.shape, sizes);
    if (problem !== null) {
      problems.push({ field: name, cell: null, detail: problem });
      continue;
    }
    if (cells.length !== elementsOf(shape)) {
      const detail = `${cells.length} values, where shape ${shapeText(shape)} has ${elementsOf(shape)}`;
      problems.push({ field: name, cell: null, detail });
      continue;
    }
    const encoded = encodeCells(datatype, cells);
    if ('data' in encoded) inputs.push({ name, datatype, shape, data: encoded.data });
    else problems.push({ field: name, cell: encoded.cell, detail: encoded.detail });
  }
  return problems.length === 0 ? { kind: 'ready', inputs } : { kind: 'problems', problems };
}

/** A draft with the values of a sample or of a whole request, or what does not fit. */
export function fillDraft(draft: Draft, tensors: readonly Tensor[]): Draft | { readonly detail: string } {
  let sizes = draft.sizes;
  const cells = new Map<string, readonly string[]>();
  for (const { tensor } of draft.fields) {
    const given = tensors.find(({ name }) => name === tensor.name);
    if (given === undefined) return { detail: `${tensor.name} is missing` };
    if (given.datatype !== tensor.datatype) return { detail: `${tensor.name} is ${given.datatype}` };
    if (given.shape.length !== tensor.shape.length)
      return { detail: `${tensor.name} has shape ${shapeText(given.shape)}` };
    const values = textsOf(given);
    if ('detail' in values) return values;
    const fitting = fitSizes(tensor.shape, sizes, { cells: values.cells, shape: given.shape });
    if (isProblem(fitting)) return { detail: `${tensor.name}: ${fitting.detail}` };
    sizes = fitting;
    cells.set(tensor.name, values.cells);
  }
  if (tensors.length !== draft.fields.length) return { detail: 'it has an input that the model does not take' };
  const fields = draft.fields.map((field) =>
    shown({ ...field, text: null, problem: null, cells: cells.get(field.tensor.name) ?? [] }, sizes),
  );
  return { sizes, fields };
}

export function textsOf(tensor: Tensor): { readonly cells: readonly string[] } | { readonly detail: string } {
  try {
    const values: readonly (number | bigint | boolean | Uint8Array)[] = tensorValues(tensor);
    if (values.length > FORM_ELEMENTS) return { detail: `${tensor.name} has more than ${FORM_ELEMENTS} values` };
    return { cells: values.map((value) => cellText(tensor.datatype, value)) };
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return { detail: error.message };
  }
}
