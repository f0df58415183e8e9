import { toHex } from '../../wire/bytes.ts';
import { heading, jsonLine, paint, rowLines, type Style } from '../report.ts';
import type { Audit, AuditedLeaf } from './audit.ts';
import type { Comparison } from './compare.ts';
import type { AuditorKey } from './key.ts';

export function keyJson({ auditor, statement }: AuditorKey): string {
  const { links, anchor, signature } = statement;
  const facts = { auditor: toHex(auditor), links, anchor: toHex(anchor), signature: toHex(signature) };
  return jsonLine(JSON.stringify(facts));
}

export function keyText({ auditor, statement }: AuditorKey): string {
  return rowLines([
    ['auditor', toHex(auditor)],
    ['chain', `${statement.links} links to ${toHex(statement.anchor)}`],
    ['signed', toHex(statement.signature)],
  ]);
}

const colours: Readonly<Record<AuditedLeaf['verdict'], number>> = {
  same: 32,
  other: 31,
  missing: 31,
  unreplayable: 33,
  undisclosed: 90,
  known: 90,
};

export function leafLine({ index, verdict, detail }: AuditedLeaf, style: Style): string {
  const word = paint(style, colours[verdict], verdict.padEnd(13));
  return `  ${String(index).padStart(8)}  ${word}${detail}\n`;
}

interface ShownAudit {
  readonly audit: Audit;
  readonly told: string;
}

export function auditText({ audit: { head, drawn, findings }, told }: ShownAudit, style: Style): string {
  const how = drawn === null ? 'named, not drawn' : `${drawn.samples} drawn by link ${drawn.number}`;
  return `${heading('Audit', style)}${rowLines([
    ['log', toHex(head.log)],
    ['head', `${head.size} leaves, root ${toHex(head.root)}`],
    ['sample', how],
    ['findings', String(findings.length)],
    ['host', told],
  ])}`;
}

export function auditJson({ audit: { head, drawn, seed, leaves, findings }, told }: ShownAudit): string {
  const { log, size, root } = head;
  const draw = drawn === null ? null : { number: drawn.number, link: toHex(drawn.link), samples: drawn.samples };
  return jsonLine(
    JSON.stringify({
      ...{ log: toHex(log), size, root: toHex(root), drawn: draw, seed: toHex(seed), leaves },
      ...{ findings: findings.length, told },
    }),
  );
}

export function comparisonText({ leaves, exposed, refused, unshown }: Comparison, style: Style): string {
  const lines = leaves.map(({ index, standing, wrong, findings }) => {
    const verdict = wrong ? paint(style, 31, 'WRONG RECEIPT') : findings.map((finding) => finding.verdict).join(' ');
    return `  ${String(index).padStart(8)}  ${standing.padEnd(10)}${findings.length} auditors  ${verdict}\n`;
  });
  const caught = exposed.map(
    ({ auditor, code, leaf }) =>
      `  ${paint(style, 31, code)}  ${short(auditor)}${leaf === null ? '' : `  leaf ${short(leaf)}`}\n`,
  );
  const notes = [
    ...refused.map(({ document, code }) => `  document ${document + 1} says nothing: ${code}\n`),
    ...unshown.map(
      ({ auditor, leaf }) => `  ${short(auditor)} committed to leaf ${short(leaf)}, and its finding is not here\n`,
    ),
  ];
  return `${heading('Leaves', style)}${lines.join('')}${heading('Exposed', style)}${
    caught.length === 0 ? '  nobody\n' : caught.join('')
  }${notes.join('')}`;
}

export function comparisonJson(comparison: Comparison): string {
  return jsonLine(JSON.stringify(comparison));
}

const SHOWN = 16;

function short(hex: string): string {
  return `${hex.slice(0, SHOWN)}…`;
}
