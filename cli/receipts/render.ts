import type { Check } from '../../verifier/index.ts';
import { toHex } from '../../wire/bytes.ts';
import { type Receipt, statusName, type TreeHead } from '../../wire/message/receipt.ts';
import { flag } from '../../wire/message/request.ts';
import { checkLines, heading, jsonLine, notProvenLines, rowLines, type Style } from '../report.ts';
import type { Lookup } from './lookup.ts';
import type { NewestHead } from './newest-head.ts';

/** What a person must not take from a receipt alone. */
const WITHOUT_PAYLOAD =
  'What was asked and answered: the receipt has their hashes, which say nothing without header, salt and bodies.';
const ONE_OF_SEVERAL =
  'That it is the only receipt: for a request id that was used twice the host shows one, and chooses which.';

export function lookupText(lookup: Lookup, style: Style): string {
  if (lookup.verdict === 'undetermined') {
    const { receipt, head } = lookup.claims;
    return (
      heading('Receipt, UNPROVEN', style) +
      claimRows(receipt, head) +
      heading('Why', style) +
      notProvenLines(
        [{ id: 'evidence', reason: `The host shows no evidence of this log any more (${lookup.reason}).` }],
        style,
      )
    );
  }
  const { facts, proven, checks } = lookup;
  const open = [
    { id: 'payload', reason: WITHOUT_PAYLOAD },
    { id: 'only', reason: ONE_OF_SEVERAL },
    ...lookup.notProven,
  ];
  return (
    heading('Receipt', style) +
    rowLines([['worker', proven.worker.level === 'simulated' ? 'simulated: nobody vouches for it' : 'attested']]) +
    claimRows(facts.receipt, facts.head) +
    heading('Checks', style) +
    checkLines(checks, style) +
    heading('Not proven', style) +
    notProvenLines(open, style)
  );
}

export function lookupJson(lookup: Lookup): string {
  if (lookup.verdict === 'undetermined') {
    const { claims, reason } = lookup;
    return jsonLine(
      JSON.stringify({ verdict: 'undetermined', code: reason, claims: factsJson(claims.receipt, claims.head) }),
    );
  }
  const { facts, proven, checks, notProven } = lookup;
  const notChecked = checks.filter(({ outcome }) => outcome === 'not-reached').map(({ id }: Check) => id);
  return jsonLine(
    JSON.stringify({
      verdict: 'origin-only',
      level: proven.worker.level,
      receipt: factsJson(facts.receipt, facts.head),
      notChecked,
      notProven: ['payload', 'only', ...notProven.map(({ id }) => id)],
    }),
  );
}

export function headText({ level, head }: NewestHead): string {
  return rowLines([
    ['worker', level === 'simulated' ? 'simulated: nobody vouches for it' : 'attested'],
    ['log', toHex(head.log)],
    ['size', String(head.size)],
    ['root', toHex(head.root)],
    ['chain', head.chainId === 0n ? 'none' : String(head.chainId)],
  ]);
}

export function headJson({ level, head, checkpoint }: NewestHead): string {
  const { log, size, root, chainId } = head;
  return jsonLine(
    JSON.stringify({ level, log: toHex(log), size, root: toHex(root), chainId: `${chainId}`, checkpoint }),
  );
}

function claimRows(receipt: Receipt, head: TreeHead): string {
  return rowLines([
    ['request', toHex(receipt.requestId)],
    ['model id', toHex(receipt.modelId)],
    ['status', statusName(receipt.status)],
    ['fee', String(receipt.fee)],
    ['sealed', isSealed(receipt) ? 'yes' : 'no: the host saw it'],
    ['request hash', toHex(receipt.requestHash)],
    ['response hash', toHex(receipt.responseHash)],
    ['log', toHex(head.log)],
    ['leaf', String(receipt.index)],
    ['head', `size ${head.size}, root ${toHex(head.root)}`],
  ]);
}

function factsJson(receipt: Receipt, head: TreeHead): object {
  return {
    requestId: toHex(receipt.requestId),
    modelId: toHex(receipt.modelId),
    status: statusName(receipt.status),
    fee: `${receipt.fee}`,
    cumulativeFee: `${receipt.cumulativeFee}`,
    sealed: isSealed(receipt),
    requestHash: toHex(receipt.requestHash),
    responseHash: toHex(receipt.responseHash),
    log: toHex(head.log),
    leaf: `${receipt.index}`,
    head: { size: head.size, root: toHex(head.root) },
  };
}

function isSealed({ flags }: Receipt): boolean {
  return (flags & flag.sealed) !== 0n;
}
