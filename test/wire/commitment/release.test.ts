import { describe, expect, it } from 'vitest';
import { utf8 } from '../../../wire/bytes.ts';
import {
  type CommittingRelease,
  commitElements,
  commitmentOf,
  packTensor,
  whyUncommittable,
} from '../../../wire/commitment/index.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import type { ManifestTensor } from '../../../wire/message/manifest.ts';
import type { Tensor } from '../../../wire/message/tensor.ts';
import { uintWord } from '../../../wire/words.ts';

const salt = sha256(utf8('salt'));
const NOTHING = new Uint8Array(32);

const release: CommittingRelease = {
  kind: 'tensor',
  circuit: sha256(utf8('circuit')),
  inputs: [
    { name: 'a', datatype: 'UINT8', shape: ['batch', 2] },
    { name: 'b', datatype: 'INT16', shape: ['batch', 1] },
  ],
  outputs: [{ name: 'y', datatype: 'INT8', shape: ['batch'] }],
};
const a: Tensor = { name: 'a', datatype: 'UINT8', shape: [1, 2], data: Uint8Array.of(1, 2) };
const b: Tensor = { name: 'b', datatype: 'INT16', shape: [1, 1], data: Uint8Array.of(3, 0) };
const y: Tensor = { name: 'y', datatype: 'INT8', shape: [1], data: Uint8Array.of(4) };

const committed = (
  changes: Partial<CommittingRelease>,
  inputs: Tensor[] = [a, b],
  outputs: Tensor[] = [y],
): Uint8Array => commitmentOf({ ...release, ...changes }, { salt, inputs, outputs });

const one = (tensor: ManifestTensor): Partial<CommittingRelease> => ({ outputs: [tensor] });

describe('the commitment of an answer', () => {
  it('is of one row of integers, whatever the order of the body', () => {
    const elements = { salt, inputs: [...packTensor(a), ...packTensor(b)], outputs: packTensor(y) };
    const expected = uintWord(commitElements(elements));
    expect(committed({})).toEqual(expected);
    expect(committed({}, [b, a])).toEqual(expected);
  });

  it('is of a release whose first dimension is one, too', () => {
    expect(committed(one({ name: 'y', datatype: 'INT8', shape: [1] }))).toEqual(committed({}));
  });

  it.each<readonly [string, Partial<CommittingRelease>, Tensor[], Tensor[]]>([
    ['a release without a circuit', { circuit: null }, [a, b], [y]],
    ['a language model', { kind: 'text-generation' }, [a, b], [y]],
    ['several rows', {}, [{ ...a, shape: [2, 2], data: Uint8Array.of(1, 2, 3, 4) }, b], [y]],
    ['several rows of an output', {}, [a, b], [{ ...y, shape: [2], data: Uint8Array.of(1, 2) }]],
    ['another datatype', {}, [{ ...a, datatype: 'INT8' }, b], [y]],
    ['another size', {}, [{ ...a, shape: [1, 1], data: Uint8Array.of(1) }, b], [y]],
    ['another rank', {}, [{ ...a, shape: [1, 2, 1] }, b], [y]],
    ['an input that is not there', {}, [a], [y]],
    ['an output that was not asked for', {}, [a, b], []],
    ['a tensor of floats', one({ name: 'y', datatype: 'FP32', shape: ['batch'] }), [a, b], [y]],
    [
      'a free dimension',
      one({ name: 'y', datatype: 'INT8', shape: ['batch', 'n'] }),
      [a, b],
      [{ ...y, shape: [1, 1] }],
    ],
  ])('is zero for %s', (_, changes, inputs, outputs) => {
    expect(committed(changes, inputs, outputs)).toEqual(NOTHING);
  });
});

describe('a release that names a circuit', () => {
  it.each<readonly [RegExp, Partial<CommittingRelease>]>([
    [/text-generation/, { kind: 'text-generation' }],
    [/no inputs/, { inputs: [] }],
    [/no outputs/, { outputs: [] }],
    [/y is FP32/, one({ name: 'y', datatype: 'FP32', shape: ['batch'] })],
    [/y is BYTES/, one({ name: 'y', datatype: 'BYTES', shape: ['batch'] })],
    [/shape \[batch,n\]/, one({ name: 'y', datatype: 'INT8', shape: ['batch', 'n'] })],
    [/shape \[2\]/, one({ name: 'y', datatype: 'INT8', shape: [2] })],
    [/shape \[\]/, one({ name: 'y', datatype: 'INT8', shape: [] })],
    [/shape \[batch,0\]/, one({ name: 'y', datatype: 'INT8', shape: ['batch', 0] })],
    [/1025 elements/, one({ name: 'y', datatype: 'INT64', shape: ['batch', 3 * 1_023] })],
  ])('cannot where its tensors are none: %s', (reason, changes) => {
    expect(whyUncommittable({ ...release, ...changes })).toMatch(reason);
  });

  it('can with so many elements as the bound has', () => {
    const wide = one({ name: 'y', datatype: 'INT64', shape: ['batch', 3 * 1_022] });
    expect(whyUncommittable({ ...release, ...wide })).toBeUndefined();
    expect(whyUncommittable(release)).toBeUndefined();
  });
});
