import { describe, expect, it } from 'vitest';
import {
  CELLS_SHOWN,
  createDraft,
  type Draft,
  fillDraft,
  readDraft,
  setCell,
  setSize,
  setText,
  toggleText,
} from '../../../../../../host/console/page/views/play/tensor/draft.ts';
import type { ManifestTensor } from '../../../../../../wire/message/manifest.ts';
import { floatTensor, type Tensor, tensorValues } from '../../../../../../wire/message/tensor.ts';

const rows: ManifestTensor = { name: 'x', datatype: 'FP32', shape: ['batch', 3] };
const mask: ManifestTensor = { name: 'mask', datatype: 'BOOL', shape: ['batch'] };
const words: ManifestTensor = { name: 'words', datatype: 'BYTES', shape: ['n'] };

function outcome(draft: Draft): unknown {
  const read = readDraft(draft);
  if (read.kind === 'problems') return read.problems.map(({ field, cell, detail }) => `${field} ${cell}: ${detail}`);
  return Object.fromEntries(read.inputs.map((tensor) => [tensor.name, [tensor.shape, tensorValues(tensor)]]));
}

const cellsOf = (draft: Draft, name: string): readonly string[] =>
  draft.fields.find(({ tensor }) => tensor.name === name)?.cells ?? [];

describe('the form of a model’s inputs', () => {
  it('begins with one of each free dimension, and with nothing in it', () => {
    expect(outcome(createDraft([rows, mask]))).toEqual({
      x: [
        [1, 3],
        [0, 0, 0],
      ],
      mask: [[1], [false]],
    });
    expect(outcome(createDraft([{ name: 's', datatype: 'INT32', shape: [] }]))).toEqual({ s: [[], [0]] });
    expect(outcome(createDraft([]))).toEqual({});
  });

  it('has cells to write to', () => {
    const draft = setCell(createDraft([rows]), 'x', { cell: 1, text: '2.5' });
    expect(outcome(draft)).toEqual({
      x: [
        [1, 3],
        [0, 2.5, 0],
      ],
    });
    expect(outcome(setCell(draft, 'x', { cell: 2, text: 'two' }))).toEqual(['x 2: is no number']);
  });

  it('grows and shrinks every input that has a dimension, and keeps what was written', () => {
    const written = setCell(createDraft([rows, mask]), 'x', { cell: 2, text: '7' });
    const grown = setSize(written, 'batch', 2);
    expect(outcome(grown)).toEqual({
      x: [
        [2, 3],
        [0, 0, 7, 0, 0, 0],
      ],
      mask: [[2], [false, false]],
    });
    expect(outcome(setSize(grown, 'batch', 1))).toEqual(outcome(written));
    expect(outcome(setSize(grown, 'batch', 0))).toEqual({ x: [[0, 3], []], mask: [[0], []] });
    for (const size of [-1, 0.5, Number.NaN, 1e9]) expect(setSize(grown, 'batch', size)).toBe(grown);
    const inner: ManifestTensor = { name: 'y', datatype: 'INT8', shape: [2, 'k'] };
    const wide = setText(createDraft([inner]), 'y', '1 2\n3 4');
    expect(outcome(setSize(wide, 'k', 3))).toEqual({
      y: [
        [2, 3],
        [1, 2, 0, 3, 4, 0],
      ],
    });
  });

  it.each<readonly [string, string, unknown]>([
    [
      'a list',
      '[1, 2, 3]',
      [
        [1, 3],
        [1, 2, 3],
      ],
    ],
    [
      'lists in a list',
      '[[1,2,3],[4,5,6]]',
      [
        [2, 3],
        [1, 2, 3, 4, 5, 6],
      ],
    ],
    [
      'what numpy prints',
      '[[1. 2. 3.]\n [4. 5. 6.]]',
      [
        [2, 3],
        [1, 2, 3, 4, 5, 6],
      ],
    ],
    [
      'lines',
      '1,2,3\n4,5,6\n',
      [
        [2, 3],
        [1, 2, 3, 4, 5, 6],
      ],
    ],
    [
      'cells of a spreadsheet',
      '1\t2\t3\r\n4\t5\t6',
      [
        [2, 3],
        [1, 2, 3, 4, 5, 6],
      ],
    ],
    [
      'values in a row',
      '1 2 3 4 5 6',
      [
        [2, 3],
        [1, 2, 3, 4, 5, 6],
      ],
    ],
    [
      'one value a line',
      '1\n2\n3',
      [
        [1, 3],
        [1, 2, 3],
      ],
    ],
    ['no row at all', '', [[0, 3], []]],
  ])('takes %s', (_, text, x) => {
    expect(outcome(setText(createDraft([rows]), 'x', text))).toEqual({ x });
  });

  it.each<readonly [string, string, string]>([
    ['values that fill no row', '1 2 3 4', 'x null: 4 values, where whole rows of 3 belong'],
    ['lists of another length', '[[1,2],[3,4]]', 'x null: shape [2, 2], where [batch, 3] belongs'],
    ['uneven lists', '[[1,2,3],[4,5]]', 'x null: the lists have different lengths, at character 14'],
    ['a value beside a list', '[1,[2,3]]', 'x null: the lists have different lengths, at character 8'],
    ['uneven lines', '1,2,3\n4,5', 'x null: line 2 has 2 values, the first 3'],
    ['a list that is not closed', '[[1,2,3]', 'x null: the last list is not closed'],
    ['a list that is closed twice', '[1,2,3]]', 'x null: something follows the end of the list, at character 8'],
    ['a value that is none', '[1,2,x]', 'x 2: is no number'],
    ['lists in too many lists', `${'['.repeat(9)}1${']'.repeat(9)}`, 'x null: lists in more than 8 lists'],
    ['more than a form holds', '1 '.repeat(1_048_577), 'x null: more than 1048576 values'],
  ])('tells of %s', (_, text, problem) => {
    expect(outcome(setText(createDraft([rows]), 'x', text))).toEqual([problem]);
  });

  it('takes texts by the line or as JSON', () => {
    expect(cellsOf(setText(createDraft([words]), 'words', 'a b, c\nd'), 'words')).toEqual(['a b, c', 'd']);
    expect(cellsOf(setText(createDraft([words]), 'words', '["a\\n", "]"]'), 'words')).toEqual(['a\n', ']']);
    expect(outcome(setText(createDraft([words]), 'words', '["\\x"]'))).toEqual([
      'words null: a text is not well formed, at character 2',
    ]);
  });

  it('shows cells as a text and a text as cells, and the same values', () => {
    const cells = setText(createDraft([rows, words]), 'x', '1,2,3\n4,5,6');
    const asCells = toggleText(cells, 'x');
    expect(asCells.fields[0]?.text).toBeNull();
    expect(toggleText(asCells, 'x').fields[0]?.text).toBe('1, 2, 3\n4, 5, 6');
    expect(outcome(toggleText(asCells, 'x'))).toEqual(outcome(cells));
    const texts = toggleText(setCell(cells, 'words', { cell: 0, text: 'a, "b"' }), 'words');
    expect(texts.fields[1]?.text).toBe('["a, \\"b\\""]');
    expect(outcome(setText(texts, 'words', texts.fields[1]?.text ?? ''))).toEqual(outcome(texts));
    const broken = setText(cells, 'x', '[1');
    expect(toggleText(broken, 'x')).toEqual(broken);
  });

  it('writes a large input as a text from the start', () => {
    const [field] = createDraft([{ name: 'x', datatype: 'FP32', shape: ['batch', CELLS_SHOWN + 1] }]).fields;
    expect(field?.text?.split('\n')).toHaveLength(1);
    const [huge] = createDraft([{ name: 'x', datatype: 'FP32', shape: [2_000_000] }]).fields;
    expect(huge?.cells).toEqual([]);
  });

  it('is filled by a sample, or says what of it does not fit', () => {
    const draft = createDraft([rows]);
    const sample = floatTensor('x', [2, 3], Float32Array.of(0.1, 2, 3, 4, 5, 6));
    const filled = fillDraft(draft, [sample]) as Draft;
    expect(cellsOf(filled, 'x')).toEqual(['0.1', '2', '3', '4', '5', '6']);
    expect((readDraft(filled) as { readonly inputs: readonly Tensor[] }).inputs).toEqual([sample]);
    const cases: readonly (readonly [readonly Tensor[], string])[] = [
      [[], 'x is missing'],
      [[{ ...sample, datatype: 'INT32' }], 'x is INT32'],
      [[{ ...sample, shape: [6] }], 'x has shape [6]'],
      [[{ ...sample, shape: [3, 2] }], 'x: shape [3, 2], where [batch, 3] belongs'],
      [[sample, { ...sample, name: 'y' }], 'it has an input that the model does not take'],
    ];
    for (const [tensors, detail] of cases) expect(fillDraft(draft, tensors)).toEqual({ detail });
  });

  it('has names of dimensions that objects have, too', () => {
    const odd: ManifestTensor = { name: 'x', datatype: 'INT8', shape: ['constructor', '__proto__'] };
    const draft = setSize(setSize(createDraft([odd]), '__proto__', 2), 'constructor', 2);
    expect(outcome(draft)).toEqual({
      x: [
        [2, 2],
        [0, 0, 0, 0],
      ],
    });
  });
});
