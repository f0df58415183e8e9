import { deepStrictEqual } from 'node:assert/strict';
import { utf8 } from '../../../wire/bytes.ts';
import { bundleFromHeader, bundleToHeader, decodeBundle, encodeBundle } from '../../../wire/message/bundle.ts';
import { golden } from '../golden.ts';
import { type Check, exact, forCheck, oneOfMany, unlessRefused } from '../refused.ts';

const fromText: Check = (data) => {
  const header = new TextDecoder('latin1').decode(data);
  const bundle = unlessRefused(() => bundleFromHeader(header));
  if (bundle !== undefined) deepStrictEqual(bundleToHeader(bundle), header);
};

/** A receipt with its proof, as bytes and as the text of an HTTP header: both have one spelling. */
export const fuzz: Check = oneOfMany([exact(decodeBundle, encodeBundle), fromText]);

const short = encodeBundle({ ...decodeBundle(golden.bundle), proof: [], execution: Uint8Array.of(0xa0) });

export const seeds: readonly Uint8Array[] = [
  forCheck(0, golden.bundle),
  forCheck(0, short),
  forCheck(1, utf8(bundleToHeader(decodeBundle(short)))),
];
