import { poseidonParameters } from '../../wire/commitment/poseidon.ts';
import { type Template, templateText } from './rectify.ts';

/** Of five elements, as wire/commitment hashes them: the cell 0 of the permutation of (0, in...). */
export function poseidonTemplate(): Template {
  const { fullRounds, partialRounds, constants, matrix } = poseidonParameters(5);
  const width = 6;
  const rounds = fullRounds + partialRounds;
  const powers = fullRounds * width + partialRounds;
  const lines = [
    ...['signal input in[5];', 'signal output out;'],
    // A signal for each sum before a power: it is then wide once, where a proving key holds nothing of it.
    ...[
      `signal cell[${powers}];`,
      `signal square[${powers}];`,
      `signal fourth[${powers}];`,
      `signal fifth[${powers}];`,
    ],
    `var C[${constants.length}] = [${constants.join(',')}];`,
    `var M[${width}][${width}] = [${matrix.map((row) => `[${row.join(',')}]`).join(',')}];`,
    `var state[${width}];`,
    'state[0] = 0;',
    `for (var i = 1; i < ${width}; i++) { state[i] = in[i - 1]; }`,
    'var at = 0;',
    `for (var round = 0; round < ${rounds}; round++) {`,
    `  var full = round < ${fullRounds / 2} || round >= ${rounds - fullRounds / 2};`,
    `  var mixed[${width}];`,
    `  for (var i = 0; i < ${width}; i++) {`,
    `    mixed[i] = state[i] + C[round * ${width} + i];`,
    '    if (full || i == 0) {',
    '      cell[at] <== mixed[i];',
    '      square[at] <== cell[at] * cell[at];',
    '      fourth[at] <== square[at] * square[at];',
    '      fifth[at] <== fourth[at] * cell[at];',
    '      mixed[i] = fifth[at];',
    '      at++;',
    '    }',
    '  }',
    `  for (var i = 0; i < ${width}; i++) {`,
    '    state[i] = 0;',
    `    for (var j = 0; j < ${width}; j++) { state[i] += M[i][j] * mixed[j]; }`,
    '  }',
    '}',
    'out <== state[0];',
  ];
  return { name: 'Permutation', text: templateText('Permutation', lines), constraints: 4 * powers + 6 };
}
