import type { IncomingMessage } from 'node:http';
import { concatBytes, equalBytes, utf8 } from '../../wire/bytes.ts';
import { verifyLowS } from '../../wire/crypto/ecdsa.ts';
import { nodeSuite, sha256 } from '../../wire/crypto/node.ts';
import { WireError } from '../../wire/errors.ts';
import { auditorAskMessage } from '../../wire/message/finding.ts';
import { HttpError } from '../http/errors.ts';
import { hexParameter, queryValue } from '../http/parameters.ts';
import type { HostAuditor, HostAuditors } from './auditors.ts';
import type { DisclosedPlace } from './store.ts';

/** How far an auditor's clock may be from the host's. */
const SKEW_SECONDS = 300;

/**
 * Who asks for what is behind a leaf: a named auditor, by its signature over host, leaf, time and a number of its own.
 * A question that somebody repeats reads what the first one read, for a few minutes; nothing is remembered of it.
 */
export async function requireAuditor(
  { auditors, hosts }: HostAuditors,
  request: IncomingMessage,
  { log, index }: DisclosedPlace,
  now: number,
): Promise<HostAuditor> {
  const key = hexParameter(queryValue(request, 'key'), 64);
  const nonce = hexParameter(queryValue(request, 'nonce'), 32);
  const signature = hexParameter(queryValue(request, 'signature'), 64);
  const said = queryValue(request, 'time') ?? '';
  if (!/^[1-9][0-9]{0,14}$/.test(said)) throw new HttpError('request_invalid');
  const auditor = auditors.find((named) => equalBytes(named.key, key));
  if (auditor === undefined) throw new HttpError('auditor_required');
  const name = request.headers.host ?? '';
  if (hosts !== 'any' && !hosts.includes(name)) throw new HttpError('auditor_required');
  if (Math.abs(now / 1_000 - Number(said)) > SKEW_SECONDS) throw new HttpError('auditor_required');
  const host = sha256(utf8(name));
  const [auditorX, auditorY] = [key.slice(0, 32), key.slice(32)];
  const ask = { auditorX, auditorY, host, log, index: BigInt(index), time: BigInt(said), nonce };
  if (!(await isSigned(key, auditorAskMessage(ask), signature))) throw new HttpError('auditor_required');
  return auditor;
}

export async function isSigned(key: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean> {
  try {
    return await verifyLowS(nodeSuite, concatBytes(Uint8Array.of(4), key), message, signature);
  } catch (error) {
    if (error instanceof WireError) return false;
    throw error;
  }
}
