import type { Hex } from 'viem';
import { readProgram } from '../../../cli/prove/read-program.ts';
import { evaluate } from '../../../contracts/integer/evaluate.ts';
import { evmContract, type GeneratedContract } from '../../../contracts/integer/evm/contract.ts';
import type { Program } from '../../../contracts/integer/program.ts';
import type { Chain } from '../../../contracts/tools/anvil.ts';
import type { Artifact } from '../../../contracts/tools/artifacts.ts';
import { drawFrom, networkModel } from '../../support/integer-models.ts';
import { filler } from '../../vectors/golden/keys.ts';
import { askedOf, compileGenerated, deployGenerated, rowBody } from '../support/integer.ts';
import { deployed, hex, mustSucceed, settlementWorld } from '../support/settlement.ts';
import { gasOf, type Measured } from './measurement.ts';
import { RECOMPUTED_SHAPES } from './recomputed-shapes.ts';

const MODEL: Hex = hex(filler('model'));

interface Prepared {
  readonly shape: string;
  readonly program: Program;
  readonly contract: GeneratedContract;
}

const prepared: readonly Prepared[] = RECOMPUTED_SHAPES.map((widths, index) => {
  const program = readProgram(networkModel(8, widths).onnx);
  const name = `Measured${index}`;
  const contract = evmContract(program, {
    ...{ name, modelId: MODEL.slice(2), title: 'a network of random weights' },
    ...{ licence: 'Apache-2.0', interfaces: 'written' },
  });
  return { shape: widths.join('-'), program, contract };
});

let artifacts: ReadonlyMap<string, Artifact> | undefined;

/**
 * Recomputed answers: creating the contract with its tables, one question as a transaction of its own and as a call within
 * one, and an escrow that is fulfilled by it. No byte of the inputs is zero, which is the dearest that an input can be.
 */
export async function measureRecomputed(chain: Chain): Promise<Measured> {
  artifacts ??= compileGenerated(prepared.map(({ contract }) => contract));
  const probe = await deployed(chain, 'CallGas');
  const measured: Record<string, number> = {};
  const world = await settlementWorld(chain);
  for (const { shape, program, contract } of prepared) {
    const onChain = await deployGenerated(chain, contract, artifacts);
    const draw = drawFrom(21);
    const row = Array.from({ length: program.inputs.count }, () => BigInt(draw.between(1, 255)));
    const input = rowBody(row);
    const output = rowBody(evaluate(program, row));
    const asked = askedOf(MODEL, input, output);
    const sent = await onChain.send(asked, input);
    measured[`recomputed.create.${shape}`] = Number(onChain.created);
    measured[`recomputed.verify.${shape}`] = gasOf(sent);
    measured[`recomputed.call.${shape}`] = Number(
      await probe.view<bigint>('measure', [onChain.address, onChain.question(asked, input)]),
    );

    const { settlement, accounts } = world;
    const terms = {
      ...{
        modelId: MODEL,
        policy: `0x${'00'.repeat(20)}`,
        resultVerifier: onChain.address,
        unitPrice: 700n,
        maxFee: 700n,
      },
      ...{ deadline: 2n ** 40n, callback: `0x${'00'.repeat(20)}`, callbackGas: 0n },
    };
    const open = async (): Promise<Hex> => {
      const opened = await mustSucceed(settlement.send('openEscrow', [terms, hex(input)], accounts.requester));
      const topics = opened.logs.flatMap(({ address, topics: all }) =>
        address.toLowerCase() === settlement.address.toLowerCase() ? [all] : [],
      );
      const id = topics.at(-1)?.[1];
      if (id === undefined) throw new Error('no escrow was opened');
      return id;
    };
    // The second, so that the credit which is written is not the first of its account.
    let fulfilled = 0;
    for (let times = 0; times < 2; times++) {
      const id = await withoutZeroBytes(chain, open);
      const data = settlement.data('fulfilProven', [id, hex(output), accounts.operator, hex(input)]);
      fulfilled = gasOf(await chain.send({ to: settlement.address, data, from: accounts.operator }));
    }
    measured[`recomputed.fulfil.${shape}`] = fulfilled;
  }
  return measured;
}

/** Ids come from block hashes, and a zero byte of calldata costs less: opens until there is an id without one. */
async function withoutZeroBytes(chain: Chain, open: () => Promise<Hex>): Promise<Hex> {
  for (;;) {
    const id = await open();
    if (!/^0x(?:..)*00/.test(id)) return id;
    await chain.rpc('evm_mine', []);
  }
}
