import { type OpenedKey, openCircuitKey } from '../../client/proofs/key.ts';
import type { Attempt } from '../../contracts/deploy/index.ts';
import { equalBytes, fromHex, toHex } from '../../wire/bytes.ts';
import { nodeSuite, sha256 } from '../../wire/crypto/node.ts';
import { limits } from '../../wire/limits.ts';
import { encodeChainProof, type ProofPoints } from '../../wire/message/proof.ts';
import { readUint, uintWord } from '../../wire/words.ts';
import { type ChainStatement, committedRow, type ProverFiles, proveForChain } from '../circuit/prove.ts';
import { CommandError, JudgedError } from '../exit-codes.ts';
import { findPlainFile, readPlainFile } from '../model/plain-file.ts';
import { openIntegerRelease } from '../prove/integer-release.ts';
import { DEMO_PRICE } from '../stack/demo-files.ts';
import type { DemoRelease } from '../stack/demo-release.ts';
import { hex } from '../stack/on-chain.ts';
import { askEngine } from './engine.ts';
import { otherQuestion, question, rowBody } from './question.ts';
import { type Refused, refusedAs, type Settled } from './settled.ts';
import type { Stage } from './stage.ts';

type Hex = `0x${string}`;

/** The engine of this machine answers without any enclave, and a proof shows that the model's circuit makes that answer. */
export async function settleProved({ onChain, release, model, steps }: Stage): Promise<Settled> {
  const { local } = onChain;
  const { deployProved, sentAttempt } = await import('../../contracts/deploy/index.ts');
  const files = await proverFiles(release);
  const { key } = files;
  steps.begin('creates the verifier of the release’s circuit, which is of a dev setup');
  const modelId = hex(release.modelId);
  const terms = { circuitKey: hex(await circuitFile(release, 'key')), modelId, price: DEMO_PRICE };
  const refused: Refused[] = [await devRefused(deployProved(local, { ...terms, dev: 'refused' }))];
  const escrow = await deployProved(local, { ...terms, dev: 'allowed' });
  const otherWeights = await deployProved(local, { ...terms, modelId: hex(sha256(release.modelId)), dev: 'allowed' });

  steps.begin('asks in a contract, and answers');
  const input = rowBody(question);
  const otherInput = await escrow.open(hex(rowBody(otherQuestion)));
  const otherModel = await otherWeights.open(hex(input));
  const otherRequest = await escrow.open(hex(input));
  const id = await escrow.open(hex(input));
  const asked = performance.now();
  const answer = await askEngine(
    await openIntegerRelease(release.releaseDirectory),
    release.releaseDirectory,
    question,
  );
  const output = rowBody([answer]);

  steps.begin('proves it: a second or two, and more on a busy machine');
  const statement: ChainStatement = {
    ...{ chainId: local.chainId, verifier: fromHex(escrow.verifier.slice(2), 20), escrow: fromHex(id.slice(2), 32) },
    ...{ modelId: release.modelId, payee: fromHex(local.operator.slice(2), 20), salt: fromHex(id.slice(2), 32) },
    ...{ input, output },
  };
  const proving = performance.now();
  const made = await proveForChain(files, statement);
  const proveSeconds = (performance.now() - proving) / 1_000;
  const answeredIn = performance.now() - asked;
  const megabytes = process.resourceUsage().maxRSS / 1_024;

  steps.begin('tries what has to be refused, and to prove another output');
  refused.push(await lieRefused(files, { ...statement, output: rowBody([answer + 1n]) }));
  const proof = hex(made.chainProof);
  const { inputs, commitment } = committedRow(key, { salt: statement.salt, input: question, output: [answer] });
  const { a, b, c } = made.proof;
  const bent = hex(encodeChainProof({ commitment, elements: inputs, points: { a: c, b, c: a } }));
  const twin = hex(encodeChainProof({ commitment, elements: inputs, points: malleated(made.proof) }));
  const attempt = (escrowId: Hex, said: Uint8Array, spoken: Hex, payee: Hex = local.operator): Attempt => ({
    functionName: 'fulfilProven',
    args: [escrowId, hex(said), payee, spoken],
  });
  const tries: readonly (readonly [what: string, attempt: Attempt])[] = [
    ['another output', attempt(id, rowBody([answer + 1n]), proof)],
    ['for a request with another input', attempt(otherInput, output, proof)],
    ['for a request of other weights', attempt(otherModel, output, proof)],
    ['with the proof of another request', attempt(otherRequest, output, proof)],
    ['for another payee', attempt(id, output, proof, local.requester)],
    ['with a changed proof', attempt(id, output, bent)],
  ];
  // Anybody makes another proof of the same from one. It says nothing else, and pays nobody else.
  await refusedAs(local, 'a malleated proof before anything is paid', attempt(id, output, twin), {
    ...{ code: 'none', block: 'latest' },
  });
  const unverified = { code: 'ResultNotVerified', block: 'latest' } as const;
  for (const [what, tried] of tries) refused.push(await refusedAs(local, what, tried, unverified));

  steps.begin('settles');
  const sending = performance.now();
  const paid = await escrow.fulfil(id, hex(output), proof);
  const seconds = (answeredIn + performance.now() - sending) / 1_000;
  if (paid !== DEMO_PRICE) throw new CommandError(`the escrow credited ${paid} instead of ${DEMO_PRICE}`);
  const settled = local.done.at(-1);
  if (settled === undefined) throw new CommandError('nothing was sent');
  const again = { code: 'EscrowNotOpen', block: 'latest' } as const;
  refused.push(await refusedAs(local, 'a second time', attempt(id, output, proof), again));
  refused.push(await refusedAs(local, 'a second time, with a malleated proof', attempt(id, output, twin), again));
  const { calldataBytes } = await sentAttempt(local, settled.hash);

  return {
    level: 'proved',
    ...{ model, modelId: modelId.slice(2), question, answer, paid, refused },
    answeredBy: 'the engine on this machine, with a proof',
    verifier: `ProvedResult ${escrow.verifier}, of circuit ${toHex(key.digest).slice(0, 16)}…`,
    setup: setupWords(key),
    checked: [
      'the input is the one that was asked about, and the proof’s commitment is to it and to the answer',
      'a proof (Groth16, BN254) that the circuit of the model makes this answer of this input',
      'it was made for this request, this payee, this contract and this chain',
    ],
    cost: {
      ...{ gas: settled.gasUsed, seconds, bytes: calldataBytes },
      effort: {
        ...{ who: 'prover', seconds: proveSeconds },
        told: `256 bytes of proof; the whole process had ${megabytes.toFixed(0)} MB at most`,
      },
    },
    notProven: [
      ...(key.setup.kind === 'dev'
        ? [
            'Anything to whoever does not believe the party that made the keys: a dev setup proves whatever that one likes.',
          ]
        : [`That one of ${key.setup.phase1} and one of ${key.setup.phase2} parties destroyed what it drew.`]),
      'That the circuit is the model: `proofmark circuit verify` makes it again and compares.',
      'Who computed it, and where: nobody has to have. Input and answer are public in this form.',
    ],
  };
}

function setupWords({ setup: { kind, phase1, phase2 } }: OpenedKey): string {
  const parties = (count: number): string => (count === 1 ? 'one party' : `${count} parties`);
  const who = `${parties(phase1)} in phase 1, ${parties(phase2)} in phase 2`;
  return kind === 'dev' ? `dev setup: ${who}; for tests only` : `ceremony: ${who}`;
}

/** Of the field that the curve's coordinates are in. */
const MODULUS = 21888242871839275222246405745257275088696311157297823662689037894645226208583n;

/** The same statement with a and b as their negatives. */
function malleated({ a, b, c }: ProofPoints): ProofPoints {
  const negative = (word: Uint8Array): Uint8Array => uintWord(MODULUS - readUint(word));
  const [x, [c1, c0]] = b;
  return { a: [a[0], negative(a[1])], b: [x, [negative(c1), negative(c0)]], c };
}

const FOLDER = 'circuit/circuit';

export async function circuitFile(
  { releaseDirectory }: DemoRelease,
  ending: 'key' | 'zkey' | 'wasm',
): Promise<Uint8Array> {
  const path = `${FOLDER}.${ending}`;
  return readPlainFile(releaseDirectory, await findPlainFile(releaseDirectory, path, limits.modelFileBytes));
}

/** As they were pulled with the release, whose manifest names the digest of each. Nothing of a setup is made here. */
export async function proverFiles(release: DemoRelease): Promise<ProverFiles> {
  const key = await openCircuitKey(nodeSuite, await circuitFile(release, 'key'));
  const { circuit } = release.manifest;
  if (circuit === null || !equalBytes(circuit, key.digest)) {
    throw new CommandError('the release names another circuit than the key that came with it');
  }
  return { key, zkey: await circuitFile(release, 'zkey'), wasm: await circuitFile(release, 'wasm') };
}

/** Where dev setups are not asked for, the verifier of one is not even created. */
async function devRefused(created: Promise<unknown>): Promise<Refused> {
  const message = await created.then(
    () => 'it was created',
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  const code = /: (\w+)$/.exec(message)?.[1];
  if (code !== 'DevSetup') throw new CommandError(`a dev setup where production is meant: ${message}`);
  return { what: 'a dev setup where production is meant', code };
}

/** No prover makes a proof of what the model does not answer. */
async function lieRefused(files: ProverFiles, statement: ChainStatement): Promise<Refused> {
  try {
    await proveForChain(files, statement);
  } catch (error) {
    if (!(error instanceof JudgedError) || error.code !== 'answer_not_the_models') throw error;
    return { what: 'a proof of another output', code: error.code };
  }
  throw new CommandError('another output was proved');
}
