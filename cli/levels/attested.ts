import type { Attempt } from '../../contracts/deploy/index.ts';
import { fromHex } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { CommandError } from '../exit-codes.ts';
import { DEMO_PRICE } from '../stack/demo-files.ts';
import { hex, writeServed } from '../stack/on-chain.ts';
import { answerIn, otherQuestion, question, rowBody } from './question.ts';
import { refusedAs, type Settled } from './settled.ts';
import { type Stage, withWorker } from './stage.ts';

/** A worker answers what a contract asks, and its host settles with the receipt: the answer is as good as the enclave. */
export function settleAttested(stage: Stage): Promise<Settled> {
  return withWorker(stage, async ({ onChain, release, model, steps, host, policy, worker }) => {
    const { local } = onChain;
    const { receiptEscrow, sentAttempt } = await import('../../contracts/deploy/index.ts');
    const terms = { level: 'attested', verifier: local.deployment.attestedResult, policy, price: DEMO_PRICE };
    const escrow = receiptEscrow(local, { ...terms, modelId: hex(release.modelId) });
    const credit = async (): Promise<bigint> =>
      (await local.call('Settlement', local.deployment.settlement, 'creditOf', [local.operator])) as bigint;

    await writeServed(onChain, [policy]);
    steps.begin('asks in a contract, and waits for the host to settle');
    await escrow.open(hex(rowBody(question)));
    const asked = performance.now();
    const { hash, gasUsed } = await host.next('fulfil');
    const seconds = (performance.now() - asked) / 1_000;
    const paid = await credit();
    if (paid !== DEMO_PRICE) throw new CommandError(`the escrow credited ${paid} instead of ${DEMO_PRICE}`);
    const { attempt, before, calldataBytes } = await sentAttempt(local, hash);
    const [id, output, logged, proof] = fulfilArguments(attempt);

    steps.begin('tries what has to be refused');
    // Nobody works for these: what would settle them is tried and not sent.
    await writeServed(onChain, []);
    const otherInput = await escrow.open(hex(rowBody(otherQuestion)));
    const otherModel = await receiptEscrow(local, { ...terms, modelId: hex(sha256(release.modelId)) }).open(
      hex(rowBody(question)),
    );
    const answer = answerIn(fromHex(output.slice(2)));
    const wrong = hex(rowBody([answer + 1n]));
    const { head } = logged as { readonly head: { readonly root: string } };
    const otherHead = { ...(logged as object), head: { ...head, root: hex(sha256(fromHex(head.root.slice(2)))) } };
    const then = { block: before };
    const now = { block: 'latest' } as const;
    const tried = (args: readonly [`0x${string}`, `0x${string}`, unknown]): Attempt => ({
      functionName: 'fulfil',
      args: [...args, proof],
    });
    await refusedAs(local, 'the answer itself', attempt, { code: 'none', ...then });
    const refused = [
      await refusedAs(local, 'another output', tried([id, wrong, logged]), {
        code: 'ReceiptOfOtherOutput',
        ...then,
      }),
      await refusedAs(local, 'for a request with another input', tried([otherInput, output, logged]), {
        code: 'ReceiptOfOtherRequest',
        ...now,
      }),
      await refusedAs(local, 'for a request of other weights', tried([otherModel, output, logged]), {
        code: 'ReceiptOfOtherRequest',
        ...now,
      }),
      await refusedAs(local, 'under a head that the worker did not sign', tried([id, output, otherHead]), {
        code: 'HeadNotSigned',
        ...then,
      }),
      await refusedAs(local, 'a second time', attempt, { code: 'EscrowNotOpen', ...now }),
    ];

    return {
      level: 'attested',
      ...{ model, modelId: hex(release.modelId).slice(2), question, answer, paid, refused },
      answeredBy: `a worker of image ${hex(worker.imageId).slice(2, 18)}… (${worker.level})`,
      verifier: `AttestedResult ${terms.verifier}`,
      setup: 'none',
      checked: [
        'the worker’s log is registered by its evidence, unexpired and not revoked',
        'the requester’s policy accepts its image, configuration and operator',
        'the head is signed by the worker’s key (P-256), and the receipt is under it',
        'the receipt is of this request: model, input, price and id',
        'the output is the one that the receipt is about',
      ],
      cost: { gas: gasUsed, seconds, bytes: calldataBytes, effort: 'none' },
      notProven: [
        'That the model was computed rightly: the enclave’s program and its maker’s hardware are believed.',
        ...(worker.level === 'simulated'
          ? ['Anything at all, here: the root is this machine’s own, and whoever owns the machine can forge it.']
          : []),
        'The time of the answer, and that no answer was withheld. Input and answer are public.',
      ],
    };
  });
}

function fulfilArguments({ functionName, args }: Attempt): Extract<Attempt, { functionName: 'fulfil' }>['args'] {
  if (functionName !== 'fulfil') throw new CommandError(`settled by ${functionName}`);
  return args;
}
