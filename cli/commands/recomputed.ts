import { evaluate } from '../../contracts/integer/evaluate.ts';
import { encodeIntegers, integersToTensor, tensorToIntegers } from '../../wire/message/integers.ts';
import type { Tensor } from '../../wire/message/tensor.ts';
import { CommandError, UsageError } from '../exit-codes.ts';
import { contractOf } from '../prove/evm.ts';
import { type IntegerRelease, openIntegerRelease } from '../prove/integer-release.ts';
import { heading, rowLines } from '../report.ts';
import { DEMO_PRICE } from '../stack/demo-files.ts';
import { openDemoRelease, shippedDraft } from '../stack/demo-release.ts';
import { hex, openOnChain } from '../stack/on-chain.ts';
import { type Parsed, textOption } from './arguments.ts';
import type { CommandContext } from './context.ts';
import { chainOption, listRelease, writeNoChain, writeTransactions } from './on-chain.ts';

export type DemoLevel = 'attested' | 'recomputed';

export function levelOption(parsed: Parsed): DemoLevel {
  const level = textOption(parsed, 'level') ?? 'attested';
  if (level !== 'attested' && level !== 'recomputed') {
    throw new UsageError(`--level ${level} is not attested or recomputed`);
  }
  return level;
}

interface Where {
  readonly stateDirectory: string;
  readonly parsed: Parsed;
}

/**
 * An escrow over the integer twin, answered by the engine on this machine without any enclave, and settled by a contract
 * that computes the model again. What it shows is that nobody has to be believed for it.
 */
export async function settleRecomputed(context: CommandContext, { stateDirectory, parsed }: Where): Promise<void> {
  const tiers = ['json', 'tier', 'tee', 'product'].filter((name) => parsed.values[name] !== undefined);
  if (tiers.length > 0) throw new UsageError(`--level recomputed has no worker, and takes no --${tiers[0]}`);
  const choice = await chainOption(parsed);
  if (choice.kind === 'none') {
    writeNoChain(context, choice.why);
    throw new CommandError('the level recomputed is settled by a chain, and there is none');
  }
  const onChain = await openOnChain(stateDirectory, { tee: 'aws-nitro', role: null }, choice.start);
  const { local } = onChain;
  const published = await openDemoRelease(stateDirectory, shippedDraft('volatility-1h-int8'));
  try {
    await listRelease(onChain, published);
    const release = await openIntegerRelease(published.releaseDirectory);
    const { deployRecomputed } = await import('../../contracts/deploy/index.ts');
    const modelId = hex(published.modelId);
    const escrow = await deployRecomputed(local, { contract: contractOf(release), modelId, price: DEMO_PRICE });

    const values = MAGNITUDES.map(BigInt);
    const input = encodeIntegers([{ decimals: 0, shape: [1, values.length], values }]);
    const answered = await askEngine(release, published.releaseDirectory, values);
    const [computed] = evaluate(release.program, values);
    if (answered !== computed) throw new CommandError(`the engine answers ${answered}, and the program ${computed}`);
    const output = encodeIntegers([{ decimals: 0, shape: [1, 1], values: [answered] }]);
    const wrong = encodeIntegers([{ decimals: 0, shape: [1, 1], values: [answered + 1n] }]);

    const id = await escrow.open(hex(input));
    if (await escrow.wouldFulfil(id, hex(wrong), hex(input))) throw new CommandError('another answer would be taken');
    const credited = await escrow.fulfil(id, hex(output), hex(input));
    if (credited !== DEMO_PRICE) throw new CommandError(`the escrow credited ${credited} instead of ${DEMO_PRICE}`);
    if (await escrow.wouldFulfil(id, hex(output), hex(input))) throw new CommandError('the escrow would pay twice');

    const { style, write } = context;
    write(heading('Settled at the level recomputed', style));
    write(
      rowLines([
        ['model', `${published.repository} ${published.version}, ${release.program.products} multiplications`],
        ['model id', release.modelId],
        ['verifier', `${escrow.verifier}, ${escrow.codeBytes.toLocaleString('en-US')} bytes, no owner, no setup`],
        ['input', values.join(' ')],
        ['answer', `${answered}, by the engine here; the same from the contract`],
        ['another answer', `${answered + 1n}: refused`],
        ['paid', `${credited}, once; a second answer is refused`],
      ]),
    );
    write(heading('Not proven', style));
    write('  ! Who computed it, and where: nobody has to have. The input and the answer are public.\n');
    write('  ! Whoever sends the answer first is paid: others see it before it is mined.\n');
    // Nothing is sent from elsewhere: they are in order as they are.
    writeTransactions(context, onChain, local.done);
  } finally {
    await published.hub.close();
    await local.stop();
  }
}

/** Sizes of sixteen price changes in basis points. */
const MAGNITUDES = [12, 7, 0, 31, 5, 9, 14, 22, 3, 8, 17, 41, 6, 2, 11, 19] as const;

async function askEngine(release: IntegerRelease, directory: string, values: readonly bigint[]): Promise<bigint> {
  const { loadEngine } = await import('../../enclave/worker/model/engine.ts');
  const { findPlainFile, readPlainFile } = await import('../model/plain-file.ts');
  const { limits } = await import('../../wire/limits.ts');
  const { entry, execution, inputs } = release.manifest;
  const onnx = await readPlainFile(directory, await findPlainFile(directory, entry, limits.modelFileBytes));
  const { optimisation, threads } = execution;
  const engine = await loadEngine(onnx, { optimisation, threads });
  const name = inputs[0]?.name ?? '';
  const row = { decimals: 0, shape: [1, values.length], values };
  const [output] = await engine.run([integersToTensor({ name, datatype: 'UINT8' }, row)], 'all');
  const [answer] = tensorToIntegers(output as Tensor).values;
  if (answer === undefined) throw new CommandError('the engine gave no answer');
  return answer;
}
