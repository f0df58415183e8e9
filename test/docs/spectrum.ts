import { type DemoLevel, demoLevels } from '../../cli/levels/settled.ts';
import { aimRow, BASELINE, type Figures, GAS, number, readFigures } from './figures.ts';
import { spectrumAims } from './figures-aims.ts';
import { table } from './markers.ts';
import { levelWords } from './spectrum-words.ts';

/** docs/spectrum.md: its words are in spectrum-words.ts, its figures in the files of `make bench` and `make gas`. */
export function spectrumPage(): string {
  const { meta, numbers } = readFigures(BASELINE);
  const gas = readFigures(GAS).numbers;
  const parts = [
    '# The verification spectrum',
    'One question to one model, with one receipt and one settlement, can be settled on different grounds. A request names which: by the ' +
      'result verifier in its terms on a chain, by its level off chain. This page says what each level gives, what it assumes, and what it costs.',
    `Written by \`npx tsx test/docs/write.ts\` from \`${BASELINE}\` (\`make bench\`) and \`${GAS}\` (\`make gas\`); a test holds the page against ` +
      'them. The model is `volatility-1h-int8`, a perceptron of 16-32-8-1 in integers, on the local chain, with a simulated worker. ' +
      '`make demo LEVEL=attested`, `replayed`, `recomputed` or `proved` settles it and shows what is refused.',
    '## What each costs',
    table(['', ...demoLevels], costRows(numbers, gas)),
    costNotes(meta),
    '## Which to choose',
    table(
      ['level', 'choose it for', 'result verifier'],
      demoLevels.map((level) => [level, levelWords[level].choose, verifierCell(level)]),
    ),
    ...demoLevels.flatMap(levelPart),
    '## Width',
    widthWords(gas),
    table(
      ['network', 'recomputed', 'proved', 'proved, with a receipt', 'the contract, recomputed', 'the contract, proved'],
      widthRows(gas),
    ),
    '## Against the aims',
    table(
      ['figure', 'aim', 'measured', ''],
      spectrumAims.map((aim) => aimRow(aim, numbers)),
    ),
    `An escrow that is settled by a proof of 784-32-10 costs ${figure(gas['osaka.proved.fulfil.784-32-10'])} gas in all: the aim is about ` +
      'the verification, as a transaction of its own, and not about the settlement around it. The keys of 784-32-10 are made once, of random ' +
      'weights, from the powers of tau that `PROOFMARK_PHASE1` names, and kept in `.proofmark/`; without them the bench leaves it out.',
    '## Levels together',
    TOGETHER,
    `Gas of a request that wants a receipt and a proof: ${figure(gas['osaka.spectrum.attested+proved.gas'])}.`,
    '## What no level proves',
    NOT_PROVEN,
  ];
  return `${parts.join('\n\n')}\n`;
}

function costRows(numbers: Figures, gas: Figures): readonly (readonly string[])[] {
  const row = (what: string, cell: (level: DemoLevel) => string): readonly string[] => [what, ...demoLevels.map(cell)];
  const only = (cells: Partial<Record<DemoLevel, string>>) => (level: DemoLevel) => cells[level] ?? '-';
  const at = (key: string): string => figure(numbers[`spectrum.${key}`]);
  return [
    row('gas to settle, Osaka', (level) => figure(gas[`osaka.spectrum.${level}.gas`])),
    row('gas to settle, Prague', (level) => figure(gas[`prague.spectrum.${level}.gas`])),
    row('seconds from the question to the settlement', (level) => at(`${level}.seconds`)),
    row('bytes of the settling transaction’s data', (level) => at(`${level}.bytes`)),
    row(
      'seconds of others’ work in that',
      only({
        replayed: `${at('replayed.auditors_s')} (two auditors at once)`,
        proved: `${at('proved.prover_s')} (prover)`,
      }),
    ),
    row(
      'memory of that work, MB',
      only({ replayed: `${at('replayed.replay_mb')} (each auditor)`, proved: at('proved.prove_mb') }),
    ),
    row(
      'bytes to hand on',
      only({
        attested: `${at('attested.archive_bytes')} (.proofmark)`,
        proved: `256 (proof), ${at('proved.file_bytes')} (.proof)`,
      }),
    ),
    row(
      'to verify off chain',
      only({
        attested: `${at('attested.verify_ms')} ms`,
        replayed: `${at('replayed.replay_s')} s (the command \`proofmark replay\`)`,
        recomputed: `${at('recomputed.verify_ms')} ms`,
        proved: `${at('proved.verify_ms')} ms`,
      }),
    ),
  ];
}

function costNotes({ cpu, cores, node, load }: Readonly<Record<string, string>>): string {
  return (
    'Gas is exact: the settling transaction in the steady state, with credits that were not zero before. Under Prague’s rules P-256 has no ' +
    'precompile, which is most of what a receipt costs there. Seconds are the median of three whole runs on a chain that mines at once; all ' +
    `parties shared one machine (${cpu}, ${cores} cores, Node ${node}, load ${load} at the end). Memory is what the processes had resident at ` +
    'most, Node itself included. The receipt’s path is of a small log in the bytes, and of a log of a million in the gas. A prover’s first proof ' +
    'in a process takes longer than those after it.'
  );
}

function levelPart(level: DemoLevel): readonly string[] {
  const { gives, assumes, pays, notProven } = levelWords[level];
  return [
    `## ${level}`,
    gives,
    `Assumed:\n\n${assumes.map((assumption) => `- ${assumption}`).join('\n')}`,
    `${pays}`,
    `Not proven: ${notProven.charAt(0).toLowerCase()}${notProven.slice(1)}`,
  ];
}

function verifierCell(level: DemoLevel): string {
  const { verifier } = levelWords[level];
  return /^[A-Z]\w+$/.test(verifier) ? `[${verifier}](../contracts/src/results/${verifier}.sol)` : verifier;
}

const SHAPES = ['16-32-8-1', '16-32-8-2', '784-32-10'] as const;

function widthRows(gas: Figures): readonly (readonly string[])[] {
  const keys = ['recomputed.fulfil', 'proved.fulfil', 'proved.fulfilWithReceipt', 'recomputed.create', 'proved.create'];
  return SHAPES.map((shape) => [
    shape,
    ...keys.map((key) => (`osaka.${key}.${shape}` in gas ? figure(gas[`osaka.${key}.${shape}`]) : '-')),
  ]);
}

/** Which of the two is cheaper is measured, and so is the sentence. */
function widthWords(gas: Figures): string {
  const [recomputed, proved] = ['recomputed', 'proved'].map((what) => gas[`osaka.${what}.fulfil.784-32-10`] ?? 0) as [
    number,
    number,
  ];
  const cheaper =
    proved < recomputed ? 'a proof is cheaper than the computation' : 'the computation is still cheaper than a proof';
  return (
    'Recomputing grows with the number of multiplications, a proof only with the bytes of the input: three public signals whatever the ' +
    `width. At 784-32-10 (25,408 multiplications) ${cheaper}; at 16-32-8 it is far from it. The contract that recomputes a wide model holds ` +
    'its weights, which is dear once; the verifier of proofs holds one key. Gas of escrows that are fulfilled, under Osaka’s rules:'
  );
}

const TOGETHER = [
  'A result can gain levels later: each is about the same model, request and bytes. Money moves once, by the one route that the request ' +
    'named; nothing that comes after moves any.',
  '',
  '- `replayed` stands on `attested`: its verifier wants the receipt, too.',
  '- `attested` + `proved`: `ProvedResult` created with receipts. The worker’s receipt and the proof carry the same `commitment`, so that ' +
    'hardware and mathematics speak of the same input and output; either alone does not pay.',
  '- `recomputed` and `proved` need no receipt. Where a worker answered as well, its receipt can be held beside them.',
  '- Off chain `levelsOf` of the client ([api/client.md](api/client.md)) checks whatever is shown for a result, and says which levels it has reached.',
].join('\n');

const NOT_PROVEN = [
  '- That the model is good, or the question: a right answer to somebody else’s question is a right answer.',
  '- When it was computed. A receipt has no time, a proof has none either.',
  '- That an answer comes. Who can answer can also keep silent; have a default, and a deadline.',
  '- That an integer model says what its float sibling says: it is a release of its own, and its card has the difference.',
  '',
  'How a contract asks for a level is in [consuming.md](consuming.md), how each verifier decides in [contracts.md](contracts.md), what the ' +
    'levels mean in [concepts.md](concepts.md), and what is not proven at all in [not-proven.md](not-proven.md).',
].join('\n');

function figure(value: number | undefined): string {
  return value === undefined ? 'not measured' : number(value);
}
