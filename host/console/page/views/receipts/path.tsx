import type { VNode } from 'preact';
import type { InclusionPath, PathStep } from '../../../../../client/receipts/path.ts';
import { inclusionPath } from '../../../../../client/receipts/path.ts';
import type { Check } from '../../../../../verifier/index.ts';
import { equalBytes, toHex } from '../../../../../wire/bytes.ts';
import { webSuite } from '../../../../../wire/crypto/web.ts';
import type { ReceiptBundle } from '../../../../../wire/message/bundle.ts';
import { Busy } from '../../parts/busy.tsx';
import { Card } from '../../parts/card.tsx';
import { CheckList } from '../../parts/check-list.tsx';
import { Hex } from '../../parts/hex.tsx';
import { Problem } from '../../parts/problem.tsx';
import { useAnswer } from './use-answer.ts';

export interface PathCardProps {
  readonly bundle: ReceiptBundle;
  /** Of the signed head. */
  readonly root: Uint8Array;
  readonly checks: readonly Check[];
}

/** The way from the receipt to the signed root, every hash of it computed here. */
export function PathCard({ bundle, root, checks }: PathCardProps): VNode {
  const answer = useAnswer(() => inclusionPath(bundle, webSuite), [bundle]);
  return (
    <Card title="3. Its place in the tree under that head">
      <CheckList title="Inclusion" checks={checks} />
      {answer.kind === 'busy' ? <Busy what="hashing from leaf to root" /> : null}
      {answer.kind === 'failed' ? <Problem title="The path cannot be drawn." error={answer.error} /> : null}
      {answer.kind === 'done' ? (
        <>
          <PathDrawing path={answer.value} />
          <PathList path={answer.value} root={root} />
        </>
      ) : null}
    </Card>
  );
}

const STEP = 58;
const WIDTH = 420;
const MIDDLE = WIDTH / 2;
const BOX = { width: 124, height: 26 };
const ASIDE = 142;

/** Root above, leaf below; a neighbour stands on the side on which it is hashed. The list below says the same. */
function PathDrawing({ path }: { readonly path: InclusionPath }): VNode {
  const { steps, leaf, end, index, size } = path;
  const height = steps.length * STEP + BOX.height + 24;
  const nodes = [leaf, ...steps.map(({ node }) => node)];
  const topOf = (at: number): number => height - 12 - BOX.height - at * STEP;
  return (
    <svg
      class="path"
      viewBox={`0 0 ${WIDTH} ${height}`}
      role="img"
      aria-label={`Path from leaf ${index} to the root of ${size} leaves, ${steps.length} steps`}
    >
      {steps.map((step, at) => (
        <StepLines key={step.level} step={step} from={topOf(at)} to={topOf(at + 1) + BOX.height} />
      ))}
      {nodes.map((node, at) => {
        const part = at === 0 ? 'leaf' : at === nodes.length - 1 ? 'root' : 'inner';
        return <Box key={at} x={MIDDLE} y={topOf(at)} part={part} hash={at === nodes.length - 1 ? end : node} />;
      })}
      {steps.map(({ side, neighbour, level }, at) => (
        <Box key={level} x={aside(side)} y={topOf(at)} part="neighbour" hash={neighbour} />
      ))}
    </svg>
  );
}

function aside(side: PathStep['side']): number {
  return side === 'left' ? MIDDLE - ASIDE : MIDDLE + ASIDE;
}

function StepLines({ step, from, to }: { readonly step: PathStep; readonly from: number; readonly to: number }): VNode {
  return (
    <>
      <path class="edge own" d={`M${MIDDLE} ${from}V${to}`} />
      <path class="edge" d={`M${aside(step.side)} ${from}L${MIDDLE} ${to}`} />
    </>
  );
}

interface BoxProps {
  readonly x: number;
  readonly y: number;
  readonly part: 'leaf' | 'inner' | 'root' | 'neighbour';
  readonly hash: Uint8Array;
}

const PART_WORDS: Readonly<Record<BoxProps['part'], string>> = {
  leaf: 'leaf ',
  root: 'root ',
  inner: '',
  neighbour: '',
};

function Box({ x, y, part, hash }: BoxProps): VNode {
  return (
    <g class={`node ${part}`}>
      <rect x={x - BOX.width / 2} y={y} width={BOX.width} height={BOX.height} rx="4" />
      <text x={x} y={y + 17} text-anchor="middle">
        {PART_WORDS[part]}
        {toHex(hash).slice(0, 10)}…
      </text>
    </g>
  );
}

function PathList({ path, root }: { readonly path: InclusionPath; readonly root: Uint8Array }): VNode {
  const { leaf, steps, end } = path;
  return (
    <details>
      <summary>Every hash, from leaf to root</summary>
      <ol class="path-list">
        <li>
          SHA-256 of 0 and the receipt: <Hex value={leaf} name="leaf hash" size="full" />
        </li>
        {steps.map(({ level, side, neighbour, node }) => (
          <li key={level}>
            Level {level}: neighbour on the {side}{' '}
            <Hex value={neighbour} name={`neighbour at level ${level}`} size="full" />
            <br />
            SHA-256 of 1, {side === 'left' ? 'neighbour, own' : 'own, neighbour'}:{' '}
            <Hex value={node} name={`node above level ${level}`} size="full" />
          </li>
        ))}
        <li>
          {equalBytes(end, root)
            ? 'That is the root that the worker signed.'
            : 'That is not the root that the worker signed.'}
        </li>
      </ol>
    </details>
  );
}
