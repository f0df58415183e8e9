import type { Attempt } from '../../contracts/deploy/index.ts';
import { evaluate } from '../../contracts/integer/evaluate.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { CommandError } from '../exit-codes.ts';
import { contractOf } from '../prove/evm.ts';
import { openIntegerRelease } from '../prove/integer-release.ts';
import { DEMO_PRICE } from '../stack/demo-files.ts';
import { hex } from '../stack/on-chain.ts';
import { askEngine } from './engine.ts';
import { otherQuestion, question, rowBody } from './question.ts';
import { refusedAs, type Settled } from './settled.ts';
import type { Stage } from './stage.ts';

/** The engine of this machine answers without any enclave, and a contract that computes the model again has the last word. */
export async function settleRecomputed({ onChain, release, model, steps }: Stage): Promise<Settled> {
  const { local } = onChain;
  const integers = await openIntegerRelease(release.releaseDirectory);
  const { deployRecomputed, sentAttempt } = await import('../../contracts/deploy/index.ts');
  steps.begin('generates the contract of the model, and creates it');
  const options = { contract: contractOf(integers), price: DEMO_PRICE };
  const escrow = await deployRecomputed(local, { ...options, modelId: hex(release.modelId) });

  steps.begin('asks in a contract, and answers');
  const [input, otherInput] = [hex(rowBody(question)), hex(rowBody(otherQuestion))];
  const other = await escrow.open(otherInput);
  const id = await escrow.open(input);
  const asked = performance.now();
  const answer = await askEngine(integers, release.releaseDirectory, question);
  const [computed] = evaluate(integers.program, question);
  const answeredIn = performance.now() - asked;
  if (answer !== computed) throw new CommandError(`the engine answers ${answer}, and the program ${computed}`);
  const output = hex(rowBody([answer]));

  const attempt = (escrowId: `0x${string}`, said: `0x${string}`, proof: `0x${string}`): Attempt => ({
    functionName: 'fulfilProven',
    args: [escrowId, said, local.operator, proof],
  });
  const now = { block: 'latest' } as const;
  const tries = [
    ['another output', attempt(id, hex(rowBody([answer + 1n])), input)],
    ['for a request with another input', attempt(other, output, input)],
    ['with another input than the request’s', attempt(id, output, otherInput)],
  ] as const;
  const refused = [];
  for (const [what, tried] of tries) {
    refused.push(await refusedAs(local, what, tried, { code: 'ResultNotVerified', ...now }));
  }
  const sending = performance.now();
  const paid = await escrow.fulfil(id, output, input);
  const seconds = (answeredIn + performance.now() - sending) / 1_000;
  if (paid !== DEMO_PRICE) throw new CommandError(`the escrow credited ${paid} instead of ${DEMO_PRICE}`);
  const settled = local.done.at(-1);
  if (settled === undefined) throw new CommandError('nothing was sent');
  refused.push(await refusedAs(local, 'a second time', attempt(id, output, input), { code: 'EscrowNotOpen', ...now }));
  const { calldataBytes } = await sentAttempt(local, settled.hash);

  steps.begin('asks for other weights');
  const otherWeights = await deployRecomputed(local, { ...options, modelId: hex(sha256(release.modelId)) });
  const strange = await otherWeights.open(input);
  refused.push(
    await refusedAs(local, 'for a request of other weights', attempt(strange, output, input), {
      code: 'ResultNotVerified',
      ...now,
    }),
  );

  const { program } = integers;
  return {
    level: 'recomputed',
    ...{ model, modelId: integers.modelId, question, answer, paid, refused },
    answeredBy: 'the engine on this machine; the contract computes the same',
    verifier: `${escrow.verifier}, ${escrow.codeBytes.toLocaleString('en-US')} bytes of code`,
    setup: 'none, and no owner',
    checked: [
      'the input is the one that was asked about',
      `the answer is what ${program.products.toLocaleString('en-US')} multiplications on the chain make of it`,
      'the request is of this model, whose weights are in the contract’s code',
    ],
    cost: { gas: settled.gasUsed, seconds, bytes: calldataBytes, effort: 'none' },
    notProven: [
      'Who computed it, and where: nobody has to have. The input and the answer are public.',
      'That whoever is paid did the work: others see an answer before it is mined, and can send it first.',
    ],
  };
}
