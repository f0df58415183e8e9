import type { Lookup, Lookups } from '../../client/receipts/lookup.ts';
import type { NewestHead } from '../../client/receipts/newest-head.ts';
import { isZero, toHex } from '../../wire/bytes.ts';
import { type Receipt, statusName, type TreeHead } from '../../wire/message/receipt.ts';
import { flag } from '../../wire/message/request.ts';
import { checkLines, heading, jsonLine, notProvenLines, rowLines, type Style } from '../report.ts';

/** What a person must not take from a receipt alone. */
const WITHOUT_PAYLOAD =
  'What was asked and answered: the receipt has their hashes, which say nothing without header, salt and bodies.';
const ONLY_THESE =
  'That there is no other receipt: a request id can be used twice, and a host shows of them what it wants to.';

export function lookupsText({ found, dropped, counted }: Lookups, style: Style): string {
  const several =
    found.length + dropped > 1
      ? `The request id was used ${found.length + dropped} times: ${found.length} shown, ${dropped} no longer kept.\n`
      : '';
  const uncounted =
    counted === 'unknown' ? 'The host does not say how many receipts it has for this request id.\n' : '';
  return several + uncounted + found.map((lookup) => lookupText(lookup, style)).join('');
}

/** One line for each. */
export function lookupsJson({ found, dropped, counted }: Lookups): string {
  const receipts = counted === 'unknown' ? null : found.length + dropped;
  return found.map((lookup) => jsonLine(JSON.stringify({ ...lookupJson(lookup), receipts }))).join('');
}

function lookupText(lookup: Lookup, style: Style): string {
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
  const open = [{ id: 'payload', reason: WITHOUT_PAYLOAD }, { id: 'only', reason: ONLY_THESE }, ...lookup.notProven];
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

function lookupJson(lookup: Lookup): object {
  if (lookup.verdict === 'undetermined') {
    const { claims, reason } = lookup;
    return { verdict: 'undetermined', code: reason, claims: factsJson(claims.receipt, claims.head) };
  }
  const { facts, proven, checks, notProven } = lookup;
  return {
    verdict: 'origin-only',
    level: proven.worker.level,
    receipt: factsJson(facts.receipt, facts.head),
    notChecked: checks.filter(({ outcome }) => outcome === 'not-reached').map(({ id }) => id),
    notProven: ['payload', 'only', ...notProven.map(({ id }) => id)],
  };
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
    ['commitment', isZero(receipt.commitment) ? 'none' : toHex(receipt.commitment)],
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
    commitment: isZero(receipt.commitment) ? null : toHex(receipt.commitment),
    log: toHex(head.log),
    leaf: `${receipt.index}`,
    head: { size: head.size, root: toHex(head.root) },
  };
}

function isSealed({ flags }: Receipt): boolean {
  return (flags & flag.sealed) !== 0n;
}
