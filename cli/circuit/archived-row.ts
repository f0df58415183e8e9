import { concatBytes, equalBytes, toHex } from '../../wire/bytes.ts';
import { tensorsOfExchange } from '../../wire/commitment/exchange.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { WireError } from '../../wire/errors.ts';
import { type Archive, decodeArchive } from '../../wire/message/archive.ts';
import { decodeManifest, type Manifest } from '../../wire/message/manifest.ts';
import { decodeReceipt, type Receipt } from '../../wire/message/receipt.ts';
import { decodeRequest } from '../../wire/message/request.ts';
import { type Tensor, tensorValues } from '../../wire/message/tensor.ts';
import { exitCode, JudgedError } from '../exit-codes.ts';
import type { ProvenRow } from './prove.ts';

/** A receipt, and the release that it names. Who signed it is for `proofmark audit`. */
export interface ArchivedAnswer {
  readonly archive: Archive;
  readonly manifest: Manifest;
  readonly receipt: Receipt;
}

export function readAnswer(bytes: Uint8Array): ArchivedAnswer {
  return malformedUnless(() => {
    const archive = decodeArchive(bytes);
    const receipt = decodeReceipt(archive.receipt);
    if (!equalBytes(sha256(archive.release.manifest), receipt.modelId)) {
      throw new JudgedError('manifest_mismatch', 'the receipt is about another release than the file holds', {
        exit: exitCode.untrusted,
      });
    }
    return { archive, receipt, manifest: decodeManifest(archive.release.manifest) };
  });
}

/** Holds the answer's release against the key that a proof is checked with. */
export function requireCircuit({ manifest }: ArchivedAnswer, digest: Uint8Array): void {
  if (manifest.circuit !== null && equalBytes(manifest.circuit, digest)) return;
  const named = manifest.circuit === null ? 'no circuit' : `the circuit ${toHex(manifest.circuit)}`;
  throw new JudgedError('circuit_mismatch', `${manifest.name} ${manifest.version} names ${named}`, {
    exit: exitCode.untrusted,
  });
}

/** Salt, input and output as they travelled. */
export function rowOf({ archive, manifest }: ArchivedAnswer): ProvenRow {
  const { request, response } = archive;
  if (request === null || request.body === null || response === null || response.body === null) {
    throw new JudgedError('payload_missing', 'the file does not hold request and answer', {
      exit: exitCode.undetermined,
    });
  }
  const { header, body } = decodeOrRefuse(request.header, request.body);
  const answered = { body: response.body, jsonLength: response.jsonLength, format: BigInt(response.format) };
  const { inputs, outputs } = malformedUnless(() => tensorsOfExchange(manifest, { header, body, response: answered }));
  return { salt: header.salt, input: only(inputs), output: only(outputs) };
}

function decodeOrRefuse(header: Uint8Array, body: Uint8Array): ReturnType<typeof decodeRequest> {
  return malformedUnless(() => decodeRequest(concatBytes(header, body)));
}

/** Of one row: whether it is one, the commitment says. */
function only([tensor, ...more]: readonly Tensor[]): readonly bigint[] {
  if (tensor === undefined || more.length > 0) {
    throw new JudgedError('answer_not_one_row', 'request and answer are not one tensor each', {
      exit: exitCode.refused,
    });
  }
  return (tensorValues(tensor) as (number | bigint | boolean)[]).map(BigInt);
}

function malformedUnless<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new JudgedError(error.code, error.message, { exit: exitCode.malformed, cause: error });
  }
}
