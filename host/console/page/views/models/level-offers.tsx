import type { VNode } from 'preact';
import {
  askPriceList,
  type JudgedOffer,
  judgeModel,
  type LevelOffer,
  offerProblems,
  usualLevelsPolicy,
  vouchers,
} from '../../../../../client/levels/index.ts';
import type { HostTransport } from '../../../../../client/transport.ts';
import type { ReleaseFacts, Verified } from '../../../../../verifier/index.ts';
import { equalBytes, toHex } from '../../../../../wire/bytes.ts';
import { useConnection } from '../../connection/context.tsx';
import { Busy } from '../../parts/busy.tsx';
import { Card } from '../../parts/card.tsx';
import { Hex } from '../../parts/hex.tsx';
import { HostWord } from '../../parts/host-word.tsx';
import { useLoaded } from '../../parts/loaded.ts';
import { countWords, plainText } from '../../parts/words.ts';
import { FailurePanel } from '../play/failure-panel.tsx';

async function offersOf(host: HostTransport, release: Verified<ReleaseFacts>): Promise<readonly JudgedOffer[]> {
  const { models } = await askPriceList(host);
  const listed = models.find(({ modelId }) => equalBytes(modelId, release.modelId));
  return listed === undefined ? [] : judgeModel(listed, release, usualLevelsPolicy).offers;
}

/** The host's price list for one model: its word, held against the release where that says something. */
export function LevelOffersOf({ release }: { readonly release: Verified<ReleaseFacts> }): VNode {
  const { transport } = useConnection();
  const loaded = useLoaded(() => offersOf(transport, release), [transport, release]);
  return (
    <Card title="Levels offered" aside={<HostWord />}>
      <p class="soft">
        Prices, contracts, gas and seconds are what the host says. Circuits are held against the release; whom you
        believe, a levels policy says: proofmark levels asks by yours.
      </p>
      {loaded.kind === 'loading' ? <Busy what="asking the host which levels it offers" /> : null}
      {loaded.kind === 'failed' ? <FailurePanel of="its price list" error={loaded.error} /> : null}
      {loaded.kind === 'ready' && loaded.value.length === 0 ? <p>None.</p> : null}
      {loaded.kind === 'ready' && loaded.value.length > 0 ? (
        <ul class="open offers">
          {loaded.value.map((one, index) => (
            <Offer key={`${index} ${one.offer.level}`} one={one} />
          ))}
        </ul>
      ) : null}
    </Card>
  );
}

function Offer({ one: { offer, problems, circuit } }: { readonly one: JudgedOffer }): VNode {
  const { level, operation, unitPrice, gas, verifier } = offer;
  // Whom a person believes is nothing that this page was told: only what the release itself says is a fault here.
  const faults = problems.filter((problem) => problem === 'circuit_none' || problem === 'circuit_mismatch');
  return (
    <li class={faults.length === 0 ? 'counted' : 'uncounted'}>
      <strong>{level}</strong> {operation}: {String(unitPrice)} a unit{gas === null ? '' : `, ${countWords(gas)} gas`}
      {circuit === 'matches' ? <span class="tag proven">the release’s circuit</span> : null}
      {faults.map((problem) => (
        <span key={problem} class="tag broken">
          {offerProblems[problem]}
        </span>
      ))}
      <span class="detail">vouched for by {vouchers[level]}</span>
      {aboutOffer(offer).map((line) => (
        <span key={line} class="detail">
          {plainText(line)}
        </span>
      ))}
      {verifier === null ? null : (
        <span class="detail">
          contract on chain {String(verifier.chainId)}: <Hex value={verifier.address} name="result verifier" />, code{' '}
          <Hex value={verifier.codeHash} name="code hash" />
        </span>
      )}
    </li>
  );
}

function aboutOffer(offer: LevelOffer): readonly string[] {
  switch (offer.level) {
    case 'attested':
    case 'recomputed':
      return [];
    case 'replayed': {
      const { threshold, named } = offer.auditors;
      return [
        `${threshold} of ${named.length} auditors`,
        ...named.map(({ key, url }) => `${toHex(key).slice(0, 16)}… at ${url}`),
      ];
    }
    case 'proved':
      return [`${offer.setup} setup${offer.seconds === null ? '' : `, some ${offer.seconds} s to prove`}`];
  }
}
