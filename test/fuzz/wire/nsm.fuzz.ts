import {
  decodeNsmRequest,
  decodeNsmResponse,
  encodeNsmRequest,
  encodeNsmResponse,
  type NsmRequest,
  type NsmResponse,
} from '../../../wire/message/nsm.ts';
import { type Check, forCheck, oneOfMany, stable } from '../refused.ts';

/** The device writes in an order of its own, so a message has several spellings; each means one thing. */
export const fuzz: Check = oneOfMany([
  stable(decodeNsmRequest, encodeNsmRequest),
  stable(decodeNsmResponse, encodeNsmResponse),
]);

const data = Uint8Array.of(1, 2, 3);
const pcr = new Uint8Array(48).fill(9);

const requests: readonly NsmRequest[] = [
  { kind: 'DescribeNSM' },
  { kind: 'GetRandom' },
  { kind: 'DescribePCR', index: 3 },
  { kind: 'ExtendPCR', index: 16, data },
  { kind: 'LockPCR', index: 16 },
  { kind: 'LockPCRs', range: 16 },
  { kind: 'Attestation', userData: data, nonce: null, publicKey: data },
];

const responses: readonly NsmResponse[] = [
  {
    kind: 'DescribeNSM',
    versionMajor: 1,
    versionMinor: 0,
    versionPatch: 0,
    moduleId: 'i-0-enc0',
    maxPcrs: 32,
    lockedPcrs: [0, 1],
    digest: 'SHA384',
  },
  { kind: 'GetRandom', random: data },
  { kind: 'DescribePCR', lock: true, data: pcr },
  { kind: 'ExtendPCR', data: pcr },
  { kind: 'LockPCR' },
  { kind: 'LockPCRs' },
  { kind: 'Attestation', document: data },
  { kind: 'Error', code: 'InvalidIndex' },
];

export const seeds: readonly Uint8Array[] = [
  ...requests.map((request) => forCheck(0, encodeNsmRequest(request))),
  ...responses.map((response) => forCheck(1, encodeNsmResponse(response))),
];
