import { describe, expect, it } from 'vitest';
import { FIELD, poseidon, poseidonParameters } from '../../../wire/commitment/index.ts';
import { codeOf } from '../codec/support.ts';

/** What circomlib, circomlibjs and a dozen programs that follow them publish: facts that none of our code made. */
const PUBLISHED: readonly (readonly [readonly bigint[], bigint])[] = [
  [[1n, 2n], 7853200120776062878684798364095072458815029376092732009249414926327459813530n],
  [[1n, 2n, 3n], 6542985608222806190361240322586112750744169038454362455181422643027100751666n],
  [[1n, 2n, 3n, 4n], 18821383157269793795438455681495246036402687001665670618754263018637548127333n],
  [[0n, 0n, 0n, 0n], 2351654555892372227640888372176282444150254868378439619268573230312091195718n],
  [[1n, 2n, 3n, 4n, 5n], 6183221330272524995739186171720101788151706631170188140075976616310159254464n],
  [[0n, 0n, 0n, 0n, 0n], 14655542659562014735865511769057053982292279840403315552050801315682099828156n],
];

describe('Poseidon over the scalar field of BN254', () => {
  it.each(PUBLISHED)('of published inputs is the published element: %s', (inputs, output) => {
    expect(poseidon(inputs)).toBe(output);
  });

  it('has eight full rounds, 60 partial ones and a matrix of six by six for five inputs', () => {
    const { fullRounds, partialRounds, constants, matrix } = poseidonParameters(5);
    expect([fullRounds, partialRounds, constants.length]).toEqual([8, 60, 6 * 68]);
    expect(matrix.map((row) => row.length)).toEqual([6, 6, 6, 6, 6, 6]);
    expect([...constants, ...matrix.flat()].every((element) => element > 0n && element < FIELD)).toBe(true);
  });

  it('makes its constants once', () => {
    expect(poseidonParameters(5)).toBe(poseidonParameters(5));
  });

  it.each([0, 6])('is not there for %i inputs', (inputs) => {
    expect(codeOf(() => poseidon(Array.from({ length: inputs }, () => 1n)))).toBe('field_invalid');
  });
});
