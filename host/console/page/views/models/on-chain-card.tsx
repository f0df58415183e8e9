import type { VNode } from 'preact';
import { useId, useState } from 'preact/hooks';
import type { ReleaseFacts, Verified } from '../../../../../verifier/index.ts';
import { toHex } from '../../../../../wire/bytes.ts';
import { webSuite } from '../../../../../wire/crypto/web.ts';
import { useConnection } from '../../connection/context.tsx';
import { Busy } from '../../parts/busy.tsx';
import { Card } from '../../parts/card.tsx';
import { FactList } from '../../parts/fact-list.tsx';
import { useLoaded } from '../../parts/loaded.ts';
import { Problem } from '../../parts/problem.tsx';
import { timeWords } from '../../parts/words.ts';
import { addressOf, readOnChain } from './on-chain.ts';

/** Where the release stands in a ModelRegistry, for whoever named a chain when starting the console. */
export function OnChain({ release }: { readonly release: Verified<ReleaseFacts> }): VNode {
  const { chain } = useConnection();
  const id = useId();
  const [text, setText] = useState(lastAddress);
  const address = addressOf(text);
  return (
    <Card title="On chain">
      {chain === undefined ? (
        <p class="soft">
          No chain is connected. With your own package: <code>proofmark console --connect URL --chain RPC</code>
        </p>
      ) : (
        <>
          <label for={id}>Address of the ModelRegistry</label>
          <input
            id={id}
            type="text"
            spellcheck={false}
            placeholder="0x…"
            value={text}
            onInput={({ currentTarget }) => {
              lastAddress = currentTarget.value;
              setText(currentTarget.value);
            }}
          />
          {address === undefined ? (
            <p class="soft">An address has 0x and 40 hex digits. Take it from whoever deployed the registry.</p>
          ) : (
            <Listing key={toHex(address)} registry={address} release={release} />
          )}
        </>
      )}
    </Card>
  );
}

/** One registry is looked into for many models. */
let lastAddress = '';

interface ListingProps {
  readonly registry: Uint8Array;
  readonly release: Verified<ReleaseFacts>;
}

function Listing({ registry, release }: ListingProps): VNode {
  const { chain } = useConnection();
  const loaded = useLoaded(async () => {
    if (chain === undefined) return undefined;
    const [found, chainId] = await Promise.all([
      readOnChain(chain, registry, { release, suite: webSuite }),
      chain.chainId(),
    ]);
    return { found, chainId };
  }, [chain, toHex(registry), release]);
  if (loaded.kind === 'loading') return <Busy what="asking the chain" />;
  if (loaded.kind === 'failed') return <Problem title="The registry did not answer." error={loaded.error} />;
  if (loaded.value === undefined) return <p class="soft">No chain is connected.</p>;
  const { found, chainId } = loaded.value;
  return (
    <FactList
      facts={[
        { label: 'Chain', value: `${chainId}, as the node that you named says` },
        { label: 'Listed', value: found.listedAt === 0 ? 'not listed' : timeWords(1_000 * found.listedAt) },
        ...(found.listedAt === 0
          ? []
          : [
              {
                label: 'Under',
                value: found.agrees
                  ? `version ${found.version}, with the name and version of the manifest`
                  : `version ${found.version}: NOT the name and version of the manifest`,
              },
            ]),
        {
          label: 'Status',
          value: found.sequence === 0n ? 'none was stated' : `${found.status}, number ${found.sequence}`,
        },
      ]}
    />
  );
}
