import type { Hub, Stated } from '../../client/index.ts';
import { toHex } from '../../wire/bytes.ts';
import type { ReleaseStatusName } from '../../wire/message/hub.ts';
import { payerOf, payerOptions } from '../chain/options.ts';
import { type Parsed, parseArguments } from '../commands/arguments.ts';
import type { Command, CommandContext } from '../commands/context.ts';
import { exitCode } from '../exit-codes.ts';
import { jsonLine, rowLines } from '../report.ts';
import { registryOf, registryOptions } from './chain-options.ts';
import { hubOptions, onlyPositional, required, withHub } from './hub-options.ts';
import { type OwnerKey, readOwnerKey } from './keys.ts';

const options = { ...hubOptions, ...registryOptions, ...payerOptions, key: { type: 'string' } } as const;

/** `yank`, `deprecate` and `restore` are one statement with three words. */
const stating =
  (status: ReleaseStatusName): Command =>
  async (context) => {
    const parsed = parseArguments(context.args, options);
    const reference = onlyPositional(parsed, 'a release: namespace/name@version, or a model id');
    const key = await readOwnerKey(required(parsed, 'key'));
    const { stated, transaction } = await withHub(context, parsed, [key.owner], (hub) =>
      everywhere(parsed, hub, { reference, status, key }),
    );
    tell(context, parsed, stated, transaction);
    return exitCode.accepted;
  };

export const modelYank: Command = stating('yanked');
export const modelDeprecate: Command = stating('deprecated');
export const modelRestore: Command = stating('active');

interface Wish {
  readonly reference: string;
  readonly status: ReleaseStatusName;
  readonly key: OwnerKey;
}

/** The hub first: what is there is seen by whoever pulls. One number and one signature serve both. */
async function everywhere(
  parsed: Parsed,
  hub: Hub,
  { reference, status, key }: Wish,
): Promise<{ readonly stated: Stated; readonly transaction: string | null }> {
  const registry = registryOf(parsed);
  if (registry === undefined) {
    return { stated: await hub.state(reference, status, { ...key, atLeast: async () => 0n }), transaction: null };
  }
  const payer = payerOf(parsed);
  const { openModelChain } = await import('./chain.ts');
  const chain = await openModelChain(registry);
  const atLeast = async (modelId: Uint8Array): Promise<bigint> => (await chain.release(key.owner, modelId)).sequence;
  const stated = await hub.state(reference, status, { ...key, atLeast });
  return { stated, transaction: await chain.state(stated.status, payer) };
}

function tell(
  { write }: CommandContext,
  parsed: Parsed,
  { status, name, version }: Stated,
  transaction: string | null,
): void {
  const facts = {
    name,
    version,
    modelId: toHex(status.modelId),
    status: status.status,
    sequence: `${status.sequence}`,
  };
  if (parsed.values['json'] === true) {
    write(jsonLine(JSON.stringify({ ...facts, transaction })));
    return;
  }
  write(
    rowLines([
      ['name', name],
      ['version', version],
      ['model id', facts.modelId],
      ['status', `${facts.status}, number ${facts.sequence}`],
      ...(transaction === null ? [] : [['transaction', transaction] as const]),
    ]),
  );
}
