import identity from '../../attestations/vectors/wire/identity.json' with { type: 'json' };
import receipt from '../../attestations/vectors/wire/receipt.json' with { type: 'json' };
import request from '../../attestations/vectors/wire/request.json' with { type: 'json' };
import statements from '../../attestations/vectors/wire/statements.json' with { type: 'json' };
import { fromHex, utf8 } from '../../wire/bytes.ts';

interface Golden {
  readonly identity: Uint8Array;
  readonly configuration: Uint8Array;
  readonly runtime: Uint8Array;
  readonly executions: readonly Uint8Array[];
  readonly manifest: Uint8Array;
  readonly releaseSignature: Uint8Array;
  readonly header: Uint8Array;
  readonly requestBody: Uint8Array;
  readonly sealedRequest: Uint8Array;
  readonly receipts: readonly Uint8Array[];
  readonly head: Uint8Array;
  readonly headSignature: Uint8Array;
  readonly bundle: Uint8Array;
  readonly finalRecord: Uint8Array;
}

/** The golden vectors as seeds: the same bytes on every machine, so that the corpus says what is new beyond them. */
export const golden: Golden = {
  identity: fromHex(identity.words),
  configuration: fromHex(statements.configuration.cbor),
  runtime: fromHex(statements.runtime.cbor),
  executions: statements.executions.map(({ cbor }) => fromHex(cbor)),
  manifest: utf8(statements.manifest.utf8),
  releaseSignature: fromHex(statements.manifest.signature),
  header: fromHex(request.header.words),
  requestBody: fromHex(request.body.hex),
  sealedRequest: fromHex(request.sealedRequest),
  receipts: receipt.receipts.map(({ words }) => fromHex(words)),
  head: fromHex(receipt.head.words),
  headSignature: fromHex(receipt.signature),
  bundle: fromHex(receipt.bundle.cbor),
  finalRecord: fromHex(receipt.finalRecord),
};

export const goldenReceipt: Uint8Array = golden.receipts[0] as Uint8Array;
export const goldenExecution: Uint8Array = golden.executions[0] as Uint8Array;
