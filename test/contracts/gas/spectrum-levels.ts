/** How one question is settled, and who vouches for the answer. */
export const SPECTRUM: readonly (readonly [level: string, who: string])[] = [
  ['attested', 'the worker'],
  ['replayed', 'the worker and two auditors'],
  ['recomputed', 'the chain'],
  ['proved', 'mathematics, and the setup'],
  ['attested+proved', 'the worker, and mathematics'],
];

export const PROVED_SHAPES: readonly string[] = ['16-32-8-1', '784-32-10'];
