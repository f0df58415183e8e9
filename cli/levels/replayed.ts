import { type Approvals, askApprovals, type GivenApproval } from '../../client/index.ts';
import type { Attempt, SignedApproval } from '../../contracts/deploy/index.ts';
import { loggedReceiptWords } from '../../host/settlement/words.ts';
import { fromHex } from '../../wire/bytes.ts';
import { nodeSuite, sha256 } from '../../wire/crypto/node.ts';
import { CommandError } from '../exit-codes.ts';
import { DEMO_PRICE } from '../stack/demo-files.ts';
import { hex, writeServed } from '../stack/on-chain.ts';
import { type Auditors, anotherAnswer, openAuditors } from './auditors.ts';
import { archiveOfEscrow } from './escrow-archive.ts';
import { answerIn, otherQuestion, question, rowBody } from './question.ts';
import { type Refused, refusedAs, type Settled } from './settled.ts';
import { type Stage, type WorkerStage, withWorker } from './stage.ts';

type Hex = `0x${string}`;

const NEEDED = 2;

/** A worker answers, and auditors whom the requester named compute the answer again: enough of them have to sign it. */
export function settleReplayed(stage: Stage): Promise<Settled> {
  return withWorker(stage, async (withOne) => {
    withOne.steps.begin('starts three auditors, of which one lies');
    const auditors = await openAuditors(withOne);
    try {
      return await settleWith(withOne, auditors);
    } finally {
      await auditors.close();
    }
  });
}

async function settleWith(stage: WorkerStage, auditors: Auditors): Promise<Settled> {
  const { onChain, release, model, steps, policy, worker } = stage;
  const { local } = onChain;
  const { deployReplayed, encodeApprovals, sentAttempt } = await import('../../contracts/deploy/index.ts');
  const keys = auditors.named.map(({ key }) => ({ x: hex(key.slice(0, 32)), y: hex(key.slice(32)) }));
  const terms = { auditors: keys, needed: NEEDED, policy, price: DEMO_PRICE };
  const escrow = await deployReplayed(local, { ...terms, modelId: hex(release.modelId) });
  await writeServed(onChain, [policy], { settledByOthers: [escrow.verifier] });

  steps.begin('asks in a contract, and waits for the worker’s answer');
  const input = rowBody(question);
  const id = await escrow.open(hex(input));
  const asked = performance.now();
  const { output, bundle, archive } = await archiveOfEscrow(stage, auditors.policy, { escrow: id, input });

  steps.begin(`has ${auditors.named.length} auditors compute the answer again`);
  const asking = performance.now();
  const ask = (about: Uint8Array): Promise<Approvals> =>
    askApprovals({
      ...{ auditors: auditors.named, archive, suite: nodeSuite },
      statement: { chainId: local.chainId, verifier: fromHex(escrow.verifier.slice(2), 20), escrow: about },
    });
  const given = await ask(fromHex(id.slice(2), 32));
  const auditSeconds = (performance.now() - asking) / 1_000;
  const refused: Refused[] = [lieRefused(given)];
  const approvals = given.approvals.map(signed);
  const [first] = given.approvals;
  if (first === undefined || approvals.length < NEEDED) throw new CommandError('too few auditors approve');
  const [proof, logged] = [encodeApprovals(approvals), loggedReceiptWords(bundle)];
  const answeredIn = performance.now() - asked;

  steps.begin('tries what has to be refused');
  // Nobody works for these two: what would settle them is tried and not sent.
  await writeServed(onChain, []);
  const otherInput = await escrow.open(hex(rowBody(otherQuestion)));
  const otherWeights = await deployReplayed(local, { ...terms, modelId: hex(sha256(release.modelId)) });
  const otherModel = await otherWeights.open(hex(input));
  const elsewhere = (await ask(fromHex(otherInput.slice(2), 32))).approvals.map(signed);
  const lie = { ...first, auditor: NEEDED, signature: auditors.liar.sign(anotherAnswer(first.words)) };
  const answer = answerIn(output);
  const attempt = (escrowId: Hex, said: Uint8Array, spoken: readonly SignedApproval[]): Attempt => ({
    functionName: 'fulfil',
    args: [escrowId, hex(said), logged, encodeApprovals(spoken)],
  });
  const one = signed(first);
  const tries: readonly (readonly [what: string, code: string, attempt: Attempt])[] = [
    ['another output', 'ReceiptOfOtherOutput', attempt(id, rowBody([answer + 1n]), approvals)],
    ['for a request with another input', 'ReceiptOfOtherRequest', attempt(otherInput, output, approvals)],
    ['for a request of other weights', 'ReceiptOfOtherRequest', attempt(otherModel, output, approvals)],
    ['with one approval', 'ResultNotVerified', attempt(id, output, [one])],
    ['with one approval twice', 'ResultNotVerified', attempt(id, output, [one, one])],
    ['with one approval and a lie', 'ResultNotVerified', attempt(id, output, [one, signed(lie)])],
    ['with approvals for another request', 'ResultNotVerified', attempt(id, output, elsewhere)],
  ];
  for (const [what, code, tried] of tries) refused.push(await refusedAs(local, what, tried, { code, block: 'latest' }));

  steps.begin('settles');
  const sending = performance.now();
  const paid = await escrow.fulfil({ escrow: id, output: hex(output), logged, proof });
  const seconds = (answeredIn + performance.now() - sending) / 1_000;
  if (paid !== DEMO_PRICE) throw new CommandError(`the escrow credited ${paid} instead of ${DEMO_PRICE}`);
  const settled = local.done.at(-1);
  if (settled === undefined) throw new CommandError('nothing was sent');
  const again = { code: 'EscrowNotOpen', block: 'latest' } as const;
  refused.push(await refusedAs(local, 'a second time', attempt(id, output, approvals), again));
  const { calldataBytes } = await sentAttempt(local, settled.hash);

  return {
    level: 'replayed',
    ...{ model, modelId: hex(release.modelId).slice(2), question, answer, paid, refused },
    answeredBy: `a worker of image ${hex(worker.imageId).slice(2, 18)}… (${worker.level}), and ${approvals.length} auditors`,
    verifier: `ReplayedResult ${escrow.verifier}, ${NEEDED} of ${auditors.named.length} auditors`,
    setup: 'none',
    checked: [
      'all that the level attested checks of the worker and its receipt',
      `${NEEDED} signatures (P-256) of different auditors whom the requester named`,
      'they are for this answer to this request, on this chain, by this contract',
    ],
    cost: {
      ...{ gas: settled.gasUsed, seconds, bytes: calldataBytes },
      effort: { who: 'auditors', seconds: auditSeconds, told: 'until all had answered, on one machine' },
    },
    notProven: [
      'That the auditors are different parties, or did compute it: whoever names them believes so.',
      'Anything to whoever has another class of processor: bits may differ there, and its auditors sign nothing.',
      'The time of the answer, and that no answer was withheld. Input and answer are public.',
    ],
  };
}

function signed({ auditor, signature }: Pick<GivenApproval, 'auditor' | 'signature'>): SignedApproval {
  return { auditor, r: hex(signature.slice(0, 32)), s: hex(signature.slice(32)) };
}

/** The last auditor approves another answer, which whoever asks sees: the words are made here. */
function lieRefused({ refusals }: Approvals): Refused {
  const [lie, ...more] = refusals;
  if (lie?.auditor !== NEEDED || lie.reason !== 'approval_mismatch' || more.length > 0) {
    const told = refusals.map(({ auditor, reason }) => `${auditor}: ${reason}`).join(', ');
    throw new CommandError(`the auditors refuse otherwise than they should: ${told === '' ? 'none does' : told}`);
  }
  return { what: 'an auditor’s word on what it did not compute', code: lie.reason };
}
