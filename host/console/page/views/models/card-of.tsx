import type { VNode } from 'preact';
import { toHex } from '../../../../../wire/bytes.ts';
import { Busy } from '../../parts/busy.tsx';
import { Card } from '../../parts/card.tsx';
import { useLoaded } from '../../parts/loaded.ts';
import { FailurePanel } from '../play/failure-panel.tsx';
import { CardText } from './card/card-text.tsx';
import { type FromHost, readCard } from './samples.ts';

export function CardOf({ from }: { readonly from: FromHost }): VNode {
  const card = useLoaded(() => readCard(from), [from.host, toHex(from.release.modelId)]);
  if (card.kind === 'loading') return <Busy what="fetching the card" />;
  if (card.kind === 'failed') return <FailurePanel of="the card" error={card.error} />;
  if (card.value === undefined) return <p class="soft">No card of this release is shown.</p>;
  return (
    <Card title="Card" aside={<span class="tag">digest checked</span>}>
      <p class="soft">Written by the owner, whose claims nobody checked. Nothing in it is loaded or can be followed.</p>
      <CardText source={card.value} />
    </Card>
  );
}
