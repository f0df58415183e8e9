import type { ArchiveVerdict } from '../../verifier/index.ts';
import { heading, jsonLine, paint, printable, rowLines, type Style } from '../report.ts';
import type { ReplayReport } from './report.ts';

/** What a replay says by itself, and what the policy says of the receipt that it is about. */
export interface Judged {
  readonly replay: ReplayReport;
  /** Null where no policy was named: then nobody was asked who signed. */
  readonly receipt: { readonly verdict: ArchiveVerdict['verdict']; readonly code: string | null } | null;
  readonly model: string;
  readonly requestId: string;
}

const meanings: Readonly<Record<ReplayReport['verdict'], string>> = {
  replayed: 'the same bits, by the same engine on the same class of processor',
  'replayed-elsewhere': 'the same bits, by the same engine on another class of processor',
  near: 'other bits, within the tolerance, on another class of processor: not the same answer',
  differs: 'OTHER BITS, by the same engine on the same class of processor',
  'differs-elsewhere': 'other bits on another class of processor, which may be why',
  'not-replayable': 'it could not be computed again here',
};

const colours: Readonly<Record<ReplayReport['verdict'], number>> = {
  replayed: 32,
  'replayed-elsewhere': 32,
  near: 33,
  differs: 31,
  'differs-elsewhere': 33,
  'not-replayable': 33,
};

export function replayText({ replay, receipt, model, requestId }: Judged, style: Style): string {
  const { verdict, execution, milliseconds } = replay;
  const rows = [
    ['model', model],
    ['request', requestId],
    ...execution.map(({ name, worker, here }) => [name, worker === here ? worker : `${worker}; here ${here}`] as const),
    ...(milliseconds === null ? [] : [['computed in', `${milliseconds.toFixed(1)} ms`] as const]),
    ['receipt', receiptWords(receipt)],
  ] as const;
  const line = `  ${paint(style, colours[verdict], verdict)}  ${meanings[verdict]}\n`;
  return `${heading('Replay', style)}${rowLines(rows)}\n${line}${detailLine(replay)}${limitLine}`;
}

const limitLine =
  '  The processor is as each machine reports it. Time, liveness and how good the model is are not shown by this.\n';

function detailLine(replay: ReplayReport): string {
  switch (replay.verdict) {
    case 'near':
      return `  The farthest value is ${replay.farthest.toExponential(1)} off; the tolerance was ${replay.tolerance}.\n`;
    case 'differs':
    case 'differs-elsewhere':
      return `  ${printable(replay.where)}\n`;
    case 'not-replayable':
      return `  ${replay.code}: ${printable(replay.detail)}\n`;
    case 'replayed':
    case 'replayed-elsewhere':
      return '';
  }
}

function receiptWords(receipt: Judged['receipt']): string {
  if (receipt === null) return 'nobody was asked who signed it: name a --policy';
  return receipt.code === null ? receipt.verdict : `${receipt.verdict} (${receipt.code})`;
}

export function replayJson({ replay, receipt, model, requestId }: Judged): string {
  return jsonLine(JSON.stringify({ model, requestId, ...replay, receipt }));
}
