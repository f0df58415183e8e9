import { Fragment, type VNode } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { parseCard } from './blocks.ts';
import type { Block, Inline } from './card.ts';

/** Characters of a card that is shown from its beginning only, until somebody wants all of it. */
const LONG = 12_000;

/** A card drawn from its tree. Elements are chosen here, one by one; none of them has an address or a source. */
export function CardText({ source }: { readonly source: string }): VNode {
  const blocks = useMemo(() => parseCard(source), [source]);
  const [form, setForm] = useState<'folded' | 'whole'>(source.length > LONG ? 'folded' : 'whole');
  return (
    <>
      <div class={`card-text ${form}`}>{drawBlocks(blocks)}</div>
      {form === 'folded' ? (
        <button type="button" onClick={() => setForm('whole')}>
          Show all of the card
        </button>
      ) : null}
    </>
  );
}

function drawBlocks(blocks: readonly Block[]): readonly VNode[] {
  return blocks.map((block, at) => <Fragment key={at}>{drawBlock(block)}</Fragment>);
}

function drawBlock(block: Block): VNode {
  switch (block.kind) {
    case 'heading':
      return <Heading level={block.level} text={block.text} />;
    case 'paragraph':
      return <p dir="auto">{drawInlines(block.text)}</p>;
    case 'code':
      return (
        <pre dir="ltr">
          <code>{block.text}</code>
        </pre>
      );
    case 'quote':
      return <blockquote>{drawBlocks(block.blocks)}</blockquote>;
    case 'list':
      return <List block={block} />;
    case 'table':
      return <Table block={block} />;
    case 'rule':
      return <hr />;
    case 'cut':
      return <p class="soft">The card goes on; it is longer than anything that is drawn here.</p>;
  }
}

/** The page has its own first and second headings: a card's begin below them. */
function Heading({ level, text }: { readonly level: number; readonly text: readonly Inline[] }): VNode {
  const Tag = (['h3', 'h4', 'h5', 'h6'] as const)[Math.min(level, 4) - 1] ?? 'h6';
  return <Tag dir="auto">{drawInlines(text)}</Tag>;
}

function List({ block }: { readonly block: Extract<Block, { readonly kind: 'list' }> }): VNode {
  const items = block.items.map((item, at) => (
    <li key={at} dir="auto">
      {drawBlocks(item)}
    </li>
  ));
  return block.first === null ? <ul>{items}</ul> : <ol start={block.first}>{items}</ol>;
}

function Table({ block }: { readonly block: Extract<Block, { readonly kind: 'table' }> }): VNode {
  return (
    <table>
      <thead>
        <tr>
          {block.header.map((cell, at) => (
            <th key={at} scope="col" dir="auto">
              {drawInlines(cell)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {block.rows.map((row, line) => (
          <tr key={line}>
            {row.map((cell, at) => (
              <td key={at} dir="auto">
                {drawInlines(cell)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function drawInlines(inlines: readonly Inline[]): readonly VNode[] {
  return inlines.map((inline, at) => <Fragment key={at}>{drawInline(inline)}</Fragment>);
}

function drawInline(inline: Inline): VNode {
  switch (inline.kind) {
    case 'text':
      return <>{inline.text}</>;
    case 'code':
      return <code dir="ltr">{inline.text}</code>;
    case 'strong':
      return <strong>{drawInlines(inline.text)}</strong>;
    case 'emphasis':
      return <em>{drawInlines(inline.text)}</em>;
    case 'link':
      return <Address label={inline.label} address={inline.address} />;
    case 'image':
      return (
        <>
          [picture <bdi>{inline.label}</bdi>, not loaded: <code dir="ltr">{inline.address}</code>]
        </>
      );
    case 'break':
      return <br />;
  }
}

function Address({ label, address }: { readonly label: string; readonly address: string }): VNode {
  if (label === address) return <code dir="ltr">{address}</code>;
  return (
    <span class="address">
      <bdi>{label}</bdi> (<code dir="ltr">{address}</code>)
    </span>
  );
}
