import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type ChainStatement, proveForChain } from '../../cli/circuit/prove.ts';
import { archiveOfEscrow } from '../../cli/levels/escrow-archive.ts';
import { circuitFile, proverFiles } from '../../cli/levels/proved.ts';
import { answerIn, question, rowBody } from '../../cli/levels/question.ts';
import { type WorkerStage, withStage, withWorker } from '../../cli/levels/stage.ts';
import { DEMO_PRICE } from '../../cli/stack/demo-files.ts';
import { hex, writeServed } from '../../cli/stack/on-chain.ts';
import { type Attempt, deployProvedWithReceipt, refusalOf, startLocalChain } from '../../contracts/deploy/index.ts';
import { loggedReceiptWords } from '../../host/settlement/words.ts';
import { parseWorkerPolicy } from '../../verifier/index.ts';
import { fromHex } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { decodeReceipt } from '../../wire/message/receipt.ts';

const steps = { begin: () => undefined, end: () => undefined };

/** A real worker's receipt and a real proof: what the one commits to is what the other proves. */
async function settleTogether(stage: WorkerStage): Promise<void> {
  const { onChain, release, policy, stack } = stage;
  const { local } = onChain;
  const circuitKey = hex(await circuitFile(release, 'key'));
  const terms = { circuitKey, modelId: hex(release.modelId), price: DEMO_PRICE, policy, dev: 'allowed' } as const;
  const escrow = await deployProvedWithReceipt(local, terms);
  await writeServed(onChain, [policy], { settledByOthers: [escrow.verifier] });
  const input = rowBody(question);
  const id = await escrow.open(hex(input));
  const rules = JSON.parse(await readFile(stack.policyFile, 'utf8')) as object;
  const open = parseWorkerPolicy({ ...rules, sealed: 'any', headers: 'any' });
  const { output, bundle } = await archiveOfEscrow(stage, open, { escrow: id, input });
  expect(answerIn(output)).toBe(1802n);

  const files = await proverFiles(release);
  const salt = fromHex(id.slice(2), 32);
  const statement: ChainStatement = {
    ...{ chainId: local.chainId, verifier: fromHex(escrow.verifier.slice(2), 20), escrow: salt, salt, input, output },
    ...{ modelId: release.modelId, payee: fromHex(local.operator.slice(2), 20) },
  };
  const { proof, chainProof } = await proveForChain(files, statement);
  expect(proof.commitment).toEqual(decodeReceipt(bundle.receipt).commitment);

  const logged = loggedReceiptWords(bundle);
  const attempt = (spoken: Uint8Array | 'nothing'): Attempt => ({
    functionName: 'fulfil',
    args: [id, hex(output), logged, spoken === 'nothing' ? '0x' : hex(spoken)],
  });
  // Right, for this request and payee, and about another commitment than the receipt's.
  const otherSalt = await proveForChain(files, { ...statement, salt: sha256(salt) });
  expect(await refusalOf(local, attempt(otherSalt.chainProof))).toBe('ResultNotVerified');
  expect(await refusalOf(local, attempt('nothing'))).toBe('ResultNotVerified');
  const withoutReceipt: Attempt = {
    functionName: 'fulfilProven',
    args: [id, hex(output), local.operator, hex(chainProof)],
  };
  expect(await refusalOf(local, withoutReceipt)).toBe('ReceiptNeeded');
  expect(await escrow.fulfil({ escrow: id, output: hex(output), logged, proof: hex(chainProof) })).toBe(DEMO_PRICE);
  expect(await refusalOf(local, attempt(chainProof))).toBe('EscrowNotOpen');
}

it('settles by a worker’s receipt and a proof about what it commits to, and by neither alone', {
  timeout: 240_000,
}, async () => {
  const stateDirectory = await mkdtemp(join(tmpdir(), 'pm-both-'));
  try {
    const start = (roots: Parameters<typeof startLocalChain>[0]['roots']) => startLocalChain({ roots });
    await withStage({ stateDirectory, start, steps }, (stage) => withWorker(stage, settleTogether));
  } finally {
    await rm(stateDirectory, { recursive: true, force: true });
  }
});
