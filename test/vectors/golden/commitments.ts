import { concatBytes, toHex } from '../../../wire/bytes.ts';
import {
  commitElements,
  commitmentOf,
  evaluateElements,
  packTensor,
  poseidon,
  poseidonParameters,
} from '../../../wire/commitment/index.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { integersToTensor } from '../../../wire/message/integers.ts';
import type { ManifestTensor } from '../../../wire/message/manifest.ts';
import type { Datatype, Tensor } from '../../../wire/message/tensor.ts';
import { uintWord } from '../../../wire/words.ts';
import { filler } from './keys.ts';
import type { Json } from './messages.ts';

interface Values {
  readonly datatype: Datatype;
  readonly values: readonly bigint[];
}

const count = (length: number): readonly bigint[] => Array.from({ length }, (_, index) => BigInt(index));

const lists: readonly Values[] = [
  { datatype: 'BOOL', values: [1n, 0n, 0n, 1n] },
  { datatype: 'UINT8', values: count(32) },
  { datatype: 'INT8', values: [-128n, -1n, 0n, 127n] },
  { datatype: 'UINT16', values: [0n, 65_535n, ...count(14)] },
  { datatype: 'INT16', values: [-32_768n, 32_767n] },
  { datatype: 'UINT32', values: [0n, 2n ** 32n - 1n, 1n, 2n, 3n, 4n, 5n, 6n] },
  { datatype: 'INT32', values: [-(2n ** 31n), -1n, 0n, 2n ** 31n - 1n] },
  { datatype: 'UINT64', values: [2n ** 64n - 1n, 1n, 2n, 3n] },
  { datatype: 'INT64', values: [-(2n ** 63n), 2n ** 63n - 1n, -1n, 0n] },
];

/** By how many tensors and permutations they take. */
const answers: readonly { readonly inputs: readonly Values[]; readonly outputs: readonly Values[] }[] = [
  { inputs: [{ datatype: 'UINT8', values: count(16) }], outputs: [{ datatype: 'INT32', values: [-7n] }] },
  {
    inputs: [
      { datatype: 'UINT8', values: count(40) },
      { datatype: 'BOOL', values: [1n] },
    ],
    outputs: [
      { datatype: 'INT64', values: [-1n, 0n, 1n, 2n] },
      { datatype: 'INT8', values: [-128n, 127n] },
    ],
  },
];

export function commitmentVectors(): Json {
  const { constants, matrix } = poseidonParameters(5);
  const salt = filler('commitment salt');
  return {
    about: 'Proofmark golden vector. Commitments to integer tensors: elements in decimal, words in hex.',
    poseidon: {
      constants: constants.length,
      first: String(constants[0]),
      last: String(constants.at(-1)),
      sha256: digestOf(constants),
      matrix: matrix.map((row) => row.map(String)),
      permutations: [count(5), [1n, 2n, 3n, 4n, 5n], constants.slice(0, 5)].map((inputs) => ({
        inputs: inputs.map(String),
        output: String(poseidon(inputs)),
      })),
    },
    packed: lists.map((each) => ({ ...text(each), elements: packTensor(tensorOf('x', each)).map(String) })),
    commitments: answers.map((answer) => {
      const [inputs, outputs] = [named('i', answer.inputs), named('o', answer.outputs)];
      const elements = [...inputs, ...outputs].flatMap((tensor) => [...packTensor(tensor)]);
      const release = {
        ...({ kind: 'tensor', circuit: filler('circuit') } as const),
        ...{ inputs: inputs.map(declared), outputs: outputs.map(declared) },
      };
      return {
        salt: toHex(salt),
        inputs: answer.inputs.map(text),
        outputs: answer.outputs.map(text),
        commitment: toHex(commitmentOf(release, { salt, inputs, outputs })),
        evaluation: { point: '12345', value: String(evaluateElements(elements, 12_345n)) },
      };
    }),
    nothing: toHex(uintWord(commitElements({ salt, inputs: [], outputs: [] }))),
  };
}

function digestOf(elements: readonly bigint[]): string {
  return toHex(sha256(concatBytes(...elements.map((element) => uintWord(element)))));
}

function text({ datatype, values }: Values): { readonly [name: string]: Json } {
  return { datatype, values: values.map(String) };
}

function named(letter: string, tensors: readonly Values[]): readonly Tensor[] {
  return tensors.map((each, index) => tensorOf(`${letter}${index}`, each));
}

function tensorOf(name: string, { datatype, values }: Values): Tensor {
  return integersToTensor({ name, datatype }, { decimals: 0, shape: [1, values.length], values });
}

function declared({ name, datatype, shape }: Tensor): ManifestTensor {
  return { name, datatype, shape: ['rows', ...shape.slice(1)] };
}
